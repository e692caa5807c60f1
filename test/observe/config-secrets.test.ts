import { describe, expect, it } from 'vitest';
import { maskConfig, maskLine, readConfig, stateOfSecrets } from '../../src/observe/config-secrets.ts';

describe('secrets', () => {
  const config = readConfig([
    'requirepass',
    'p1',
    'masterauth',
    '',
    'tls-key-file-pass',
    'p2',
    'masteruser',
    'repl',
    'port',
    '1',
  ]);

  it('are masked where set, and shown as empty where not', () => {
    expect(Object.fromEntries(maskConfig(config))).toEqual({
      requirepass: '***',
      masterauth: '',
      'tls-key-file-pass': '***',
      masteruser: 'repl',
      port: '1',
    });
  });

  it.each([
    [{ name: 'requirepass', args: ['p1'] }, ['***']],
    [{ name: 'primaryauth', args: ['p1'] }, ['***']],
    [{ name: 'port', args: ['6379'] }, ['6379']],
    [
      { name: 'user', args: ['repl', 'on', '>p1', '#abc', '+psync'] },
      ['repl', 'on', '>***', '#***', '+psync'],
    ],
  ])('are masked in %j', (line, args) => {
    expect(maskLine(line).args).toEqual(args);
  });

  it.each([
    ['p1', { requirepass: 'declared', masterauth: 'unset' }],
    ['p3', { requirepass: 'other', masterauth: 'unset' }],
  ])('are compared with %s, not kept', (declared, states) => {
    expect(stateOfSecrets(config, declared)).toEqual(states);
    expect(stateOfSecrets(readConfig(null), declared)).toEqual({
      requirepass: 'unknown',
      masterauth: 'unknown',
    });
  });
});
