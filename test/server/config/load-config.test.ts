import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseCommandLine } from '../../../src/server/config/command-line.ts';
import { loadConfig, type LoadedConfig } from '../../../src/server/config/load-config.ts';
import { readInclude } from '../../../src/server/config/read-include.ts';

describe('parseCommandLine', () => {
  it.each([
    [[], undefined, false, ''],
    [['/etc/r.conf'], '/etc/r.conf', false, ''],
    [['-'], undefined, true, ''],
    [['r.conf', '--port', '6380', '-'], 'r.conf', true, 'port "6380"'],
    [
      ['--port', '7777', '--replicaof', '127.0.0.1', '8888'],
      undefined,
      false,
      'port "7777"\nreplicaof "127.0.0.1" "8888"',
    ],
    [['--save', '--port', '1'], undefined, false, 'save ""\nport "1"'],
    [['--port', '1', '--save'], undefined, false, 'port "1"\nsave ""'],
    [['--requirepass', '--x y'], undefined, false, String.raw`requirepass "--x y"`],
    [['--port 6380', '--hz', '5'], undefined, false, 'port 6380\nhz "5"'],
  ])('reads %j', (args, file, readStdin, options) => {
    expect(parseCommandLine(args)).toEqual({ action: 'run', file, readStdin, options });
  });

  it('knows --version and --help', () => {
    expect([parseCommandLine(['-v']).action, parseCommandLine(['--help']).action]).toEqual([
      'version',
      'help',
    ]);
  });
});

function load(...contents: string[]): LoadedConfig {
  const result = loadConfig(
    contents.map((content, index) => ({ path: `${String(index)}.conf`, content })),
    readInclude,
  );
  if (!result.ok) throw new Error(result.error.message);
  return result.config;
}

describe('loadConfig', () => {
  it('lets the last line win and adds up what repeats', () => {
    const { values, users, renames } = load(
      'port 1\nsave 60 1\nsave 30 2\nuser a on\nuser b off\nrename-command KEYS ""\nmodule.x 5',
      'slaveof h 1\nPORT 2\nsave "10 5"',
    );
    expect(Object.fromEntries(values)).toEqual({ port: '2', save: '60 1 30 2 10 5', replicaof: 'h 1' });
    expect([users, renames]).toEqual([
      [
        ['a', 'on'],
        ['b', 'off'],
      ],
      [['KEYS', '']],
    ]);
  });

  it('says where the first error is', () => {
    const result = loadConfig([{ path: 'a', content: 'port 1\n\nhz x' }], readInclude);
    expect(result).toEqual({
      ok: false,
      error: { file: 'a', line: 3, raw: 'hz x', message: "argument couldn't be parsed into an integer" },
    });
  });

  it('reads included files and patterns', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'replctl-include-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    writeFileSync(path.join(folder, '1.conf'), 'port 1\nhz 11');
    writeFileSync(path.join(folder, '2.conf'), 'port 2');
    const { values } = load(`include ${folder}/*.conf\ninclude ${folder}/none*\ntimeout 3`);
    expect(Object.fromEntries(values)).toEqual({ port: '2', hz: '11', timeout: '3' });
    expect(readInclude(path.join(folder, 'gone'))).toBe(
      `Fatal error, can't open config file '${folder}/gone': No such file or directory`,
    );
  });
});
