import { describe, expect, it } from 'vitest';
import { DIRECTIVES, findDirective } from '../../src/conf/directives.ts';
import type { Directive } from '../../src/conf/directive.ts';
import { normaliseLines, normaliseValue } from '../../src/conf/normalise-value.ts';
import { formatMemory, parseMemory } from '../../src/conf/parse-memory.ts';

function directive(name: string): Directive {
  const found = findDirective(name);
  if (found === undefined) throw new Error(`no directive ${name}`);
  return found;
}

function lines(name: string, ...args: string[][]): unknown {
  return normaliseLines(directive(name), args);
}

describe('the catalogue', () => {
  it('has every name once', () => {
    const names = DIRECTIVES.flatMap(({ name, aliases, foreignAliases }) => [
      name,
      ...aliases,
      ...foreignAliases,
    ]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.length).toBeGreaterThan(230);
  });

  it('holds defaults in their normal form', () => {
    const changed = DIRECTIVES.filter(({ kind }) => kind.type !== 'line').filter((entry) => {
      const args = entry.multiple ? entry.defaultValue.split(' ') : [entry.defaultValue];
      const result = normaliseValue(entry, args, '');
      const unset = entry.defaultValue === '' && (entry.name === 'replicaof' || entry.name.endsWith('name'));
      return !unset && (!result.ok || result.value !== entry.defaultValue);
    });
    expect(changed.map((entry) => entry.name)).toEqual([]);
  });
});

describe('parseMemory', () => {
  it.each([
    ['0', 0n],
    ['100', 100n],
    ['1b', 1n],
    ['1k', 1000n],
    ['1KB', 1024n],
    ['2m', 2_000_000n],
    ['64mb', 67_108_864n],
    ['1g', 1_000_000_000n],
    ['1Gb', 1_073_741_824n],
  ])('reads %s', (text, bytes) => {
    expect(parseMemory(text)).toBe(bytes);
  });

  it.each(['', '-1', '1.5mb', '1 mb', 'mb', '1tb', '0x10', '1mbb'])('refuses %j', (text) => {
    expect(parseMemory(text)).toBeUndefined();
  });

  it('writes what it reads', () => {
    expect([0n, 1023n, 1024n, 3n << 20n, 1n << 30n].map(formatMemory)).toEqual([
      '0',
      '1023',
      '1kb',
      '3mb',
      '1gb',
    ]);
  });
});

describe('normaliseValue', () => {
  it.each([
    ['maxmemory', ['64mb'], '67108864'],
    ['maxmemory-clients', ['5%'], '5%'],
    ['appendonly', ['YES'], 'yes'],
    ['slave-priority', ['50'], '50'],
    ['hash-max-ziplist-value', ['1kb'], '1024'],
    ['unixsocketperm', ['0770'], '770'],
    ['loglevel', ['Notice'], 'notice'],
    ['oom-score-adj', ['relative'], 'yes'],
    ['shutdown-on-sigterm', ['FORCE', 'nosave'], 'nosave force'],
    ['notify-keyspace-events', ['Exg$'], 'g$xE'],
    ['notify-keyspace-events', ['KEA'], 'AKE'],
    ['notify-keyspace-events', ['g$lshzxetdKE'], 'AKE'],
    ['bind', ['127.0.0.1', '-::1'], '127.0.0.1 -::1'],
    ['replicaof', ['no', 'one'], ''],
    ['slaveof', ['10.0.0.1', '06379'], '10.0.0.1 6379'],
    [
      'client-output-buffer-limit',
      ['replica', '1mb', '0', '5'],
      'normal 0 0 0 slave 1048576 0 5 pubsub 33554432 8388608 60',
    ],
    ['latency-tracking-info-percentiles', ['50', '99.90'], '50 99.9'],
    ['masterauth', ['sé'], 'sé'],
  ])('brings %s %j to %j', (name, args, value) => {
    expect(normaliseValue(directive(name), args)).toEqual({ ok: true, value });
  });

  it.each([
    ['maxmemory', ['1tb'], 'argument must be a memory value'],
    ['maxmemory-clients', ['x'], 'argument must be a memory or percent value'],
    ['maxmemory-clients', ['101%'], 'percentage argument must be less or equal to 100'],
    ['port', ['65536'], 'argument must be between 0 and 65535 inclusive'],
    ['port', ['63x80'], "argument couldn't be parsed into an integer"],
    ['port', ['1', '2'], 'wrong number of arguments'],
    ['appendonly', ['maybe'], "argument must be 'yes' or 'no'"],
    ['appendfsync', ['x'], 'argument(s) must be one of the following: everysec, always, no'],
    ['unixsocketperm', ['9'], "argument couldn't be parsed as an octal number"],
    ['dbfilename', ['a/b'], "dbfilename can't be a path, just a filename"],
    ['appenddirname', [''], "appenddirname can't be empty"],
    ['save', ['60'], 'Invalid save parameters'],
    ['save', ['0', '1'], 'Invalid save parameters'],
    ['notify-keyspace-events', ['q'], "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."],
    ['replicaof', ['h', '70000'], 'Invalid master port'],
    ['shutdown-on-sigint', [], 'argument(s) must be one of the following: default, save, nosave, now, force'],
    ['user', [], 'Bad directive or wrong number of arguments'],
  ])('refuses %s %j', (name, args, error) => {
    expect(normaliseValue(directive(name), args)).toEqual({ ok: false, error });
  });

  it('adds up the lines of a repeating directive and lets the last line of others win', () => {
    expect(lines('save', ['60', '1'], ['30', '5'])).toEqual({ ok: true, value: '60 1 30 5' });
    expect(lines('save', ['60', '1'], [''])).toEqual({ ok: true, value: '' });
    expect(lines('save')).toEqual({ ok: true, value: '3600 1 300 100 60 10000' });
    expect(lines('port', ['1'], ['2'])).toEqual({ ok: true, value: '2' });
    expect(lines('client-output-buffer-limit', ['normal', '1', '2', '3'], ['pubsub', '0', '0', '0'])).toEqual(
      { ok: true, value: 'normal 1 2 3 slave 268435456 67108864 60 pubsub 0 0 0' },
    );
  });
});
