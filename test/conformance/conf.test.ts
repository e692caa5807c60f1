import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Directive } from '../../src/conf/directive.ts';
import { DIRECTIVES, findDirective } from '../../src/conf/directives.ts';
import { normaliseValue } from '../../src/conf/normalise-value.ts';
import { rewriteConf, rewriteEntry } from '../../src/conf/rewrite-conf.ts';

/** Known to 7.2, which the catalogue follows, but not to the 7.0 of Debian. */
const SINCE_7_2 = ['locale-collate', 'set-max-listpack-entries', 'set-max-listpack-value'].concat([
  'cluster-announce-human-nodename',
]);
/** Setting these would take the connection away or move the server. */
const NOT_TRIED = /^(dir|port|bind|requirepass|maxclients|appendonly|proc-title-template|tls-.*|cluster-.*)$/;
/** 7.2 differs from 7.0 (loglevel), depends on the build (activedefrag), or takes any text for a number. */
const OTHERWISE = new Set(['loglevel', 'activedefrag', 'watchdog-period']);
const VALUES = [
  'yes',
  'NO',
  '0',
  '-1',
  '5',
  '100',
  '99999999999',
  '9223372036854775808',
  '1kb',
  '64MB',
  '1tb',
].concat(
  [
    '5%',
    '101%',
    '0%',
    'abc',
    '1 2',
    '60 1',
    'default',
    'nosave save',
    'now force',
    'AKE',
    'Elg$m',
    'mKE',
    'n',
    '0777',
  ],
  [
    '07',
    'x/y',
    '0 200 800',
    '1 2 3000',
    'normal 1 2 3',
    'replica 1mb 2mb 3 pubsub 0 0 0',
    'master 1 2 3',
    '50 99.9',
  ],
  ['50 101', 'everysec', 'local', 'relative', 'swapdb', 'notice', '+5', '05', ' 5', '1e3', '0x10'],
);

describe.skipIf(!existsSync('/usr/bin/redis-server'))('the catalogue against redis-server', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-conf-'));
  const conf = path.join(folder, 'redis.conf');
  const socket = path.join(folder, 's');
  let server: ChildProcess;
  let client: Redis;

  beforeAll(async () => {
    writeFileSync(
      conf,
      `port 0\nunixsocket ${socket}\ndir ${folder}\n# hello\n\nslave-priority 50\n\n\nsave 60 1\nMAXMEMORY 1gb\n` +
        'client-output-buffer-limit replica 1mb 2mb 3\nuser default on nopass ~* &* +@all\n\n# end\nmaxmemory 2g\n' +
        'enable-protected-configs yes\nhash-max-ziplist-entries 10\n',
    );
    server = spawn('redis-server', [conf], { stdio: 'ignore' });
    client = new Redis(socket, { retryStrategy: () => 50 });
    client.on('error', () => undefined);
    await client.ping();
  });

  afterAll(async () => {
    client.disconnect();
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });

  async function readAll(pattern: string): Promise<Map<string, string>> {
    const flat = await client.config('GET', pattern);
    return new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ''] as const] : [])));
  }

  async function set(name: string, value: string): Promise<string> {
    try {
      await client.config('SET', name, value);
      return `OK ${(await readAll(name)).get(name) ?? ''}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  it('knows the same names', async () => {
    const live = await readAll('*');
    expect([...live.keys()].filter((name) => findDirective(name) === undefined)).toEqual([]);
    const ours = DIRECTIVES.filter(({ hidden }) => !hidden).flatMap(({ name, aliases }) => [
      name,
      ...aliases,
    ]);
    expect(ours.filter((name) => !live.has(name) && !SINCE_7_2.includes(name))).toEqual([]);
  });

  it('reads, checks and refuses values as CONFIG SET does', async () => {
    const tried = DIRECTIVES.filter(
      ({ name, family, kind, runtime }) =>
        family === 'redis 7.2' &&
        kind.type !== 'line' &&
        runtime &&
        !NOT_TRIED.test(name) &&
        !OTHERWISE.has(name),
    ).filter(({ name }) => !SINCE_7_2.includes(name));
    const differ: unknown[] = [];
    let previous = '';
    const ours = (directive: Directive, value: string): string => {
      const args = directive.multiple ? value.split(' ') : [value];
      const result = normaliseValue(directive, args, directive.name === 'save' ? '' : previous);
      return result.ok
        ? `OK ${result.value}`
        : `ERR CONFIG SET failed (possibly related to argument '${directive.name}') - ${result.error}`;
    };
    let compared = 0;
    for (const directive of tried) {
      for (const value of VALUES) {
        previous = (await readAll(directive.name)).get(directive.name) ?? '';
        const theirs = await set(directive.name, value);
        const mine = ours(directive, value);
        compared += 1;
        if (theirs !== mine && !isOverflow(directive, value))
          differ.push({ name: directive.name, value, theirs, mine });
      }
    }
    expect(differ).toEqual([]);
    expect(compared).toBeGreaterThan(4000);
  });

  it('rewrites a file to the same text', async () => {
    const before = readFileSync(conf);
    const live = await readAll('*');
    for (const name of ['rdb-key-save-delay', 'key-load-delay', 'aof-disable-auto-gc', 'use-exit-on-panic'])
      for (const [key, value] of await readAll(name)) live.set(key, value);
    await client.config('REWRITE');
    const theirs = readFileSync(conf, 'latin1');
    const entries = DIRECTIVES.filter(({ kind, name }) => kind.type !== 'line' && live.has(name)).map(
      (directive) => rewriteEntry(directive, live.get(directive.name) ?? ''),
    );
    const user = theirs.split('\n').find((line) => line.startsWith('user ')) ?? '';
    const ours = rewriteConf(before, [...entries, { name: 'user', lines: [{ text: user, force: true }] }]);
    expect(inParts(ours)).toEqual(inParts(theirs));
  });
});

/** Redis wraps percentages and sizes that do not fit its integers; the catalogue refuses them. */
function isOverflow({ kind }: Directive, value: string): boolean {
  return kind.type === 'memory' && kind.percent && value === '9223372036854775808';
}

/** What CONFIG REWRITE appends stands in the order of a hash table. */
function inParts(content: string): { head: string; tail: string[] } {
  const at = content.indexOf('# Generated by');
  return { head: content.slice(0, at), tail: content.slice(at).split('\n').sort() };
}
