import { describe, expect, it } from 'vitest';
import { compareVersions, findEngine, probeEngine, requireVersion } from '../../src/hosts/engine.ts';
import { localHost } from '../../src/hosts/local-host.ts';

describe('engine', () => {
  it('runs the bundled server with this node, and a declared command as it is', () => {
    const { command } = findEngine({ kind: 'bundled', command: null }, localHost);
    expect(command[0]).toBe(process.execPath);
    expect(command.at(-1)).toMatch(/\/bin\/server\.js$/);
    expect(findEngine({ kind: 'redis', command: '/opt/redis-server' }, localHost).command).toEqual([
      '/opt/redis-server',
    ]);
  });

  it('says what to install when the binary is missing', async () => {
    const engine = findEngine({ kind: 'valkey', command: 'replctl-no-such-server' }, localHost);
    await expect(probeEngine(engine, localHost)).rejects.toMatchObject({
      code: 'NODE_NOT_STARTED',
      message: 'valkey: replctl-no-such-server is not installed on this machine',
    });
  });

  it('does not take another program for a server', async () => {
    const engine = findEngine({ kind: 'redis', command: process.execPath }, localHost);
    await expect(probeEngine(engine, localHost)).rejects.toMatchObject({ code: 'NODE_NOT_STARTED' });
  });

  it.each([
    ['7.0.15', '7.0.9', 1],
    ['6.2', '6.2.0', 0],
    ['8.0.1', '10.0.0', -1],
  ])('compares %s with %s by numbers', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });

  it('refuses a server too old for replctl, or for what the file asks', () => {
    expect(() => requireVersion({ kind: 'redis', version: '5.0.7' }, '6379')).toThrow(
      '6379: redis 5.0.7 is too old',
    );
    expect(() =>
      requireVersion({ kind: 'redis', version: '6.2.0' }, '6379', {
        version: '7.0.0',
        reason: 'shutdown-timeout exists',
      }),
    ).toThrow('6379: redis 6.2.0 is too old: shutdown-timeout exists from 7.0.0 on');
    expect(() => requireVersion({ kind: 'redis', version: '7.0.15' }, '6379')).not.toThrow();
  });
});
