import { describe, expect, it, vi } from 'vitest';
import { LiveConfig } from '../../../src/server/config/live-config.ts';

const RUNNING = { isLoading: false, mayGuarded: false };

describe('LiveConfig.set', () => {
  it('changes all or nothing', () => {
    const config = new LiveConfig();
    expect(
      config.set(
        [
          ['maxmemory', '1mb'],
          ['slave-priority', '5'],
        ],
        RUNNING,
      ),
    ).toEqual({
      ok: true,
      changed: ['maxmemory', 'replica-priority'],
    });
    expect(
      config.set(
        [
          ['maxmemory', '2mb'],
          ['hz', 'x'],
        ],
        RUNNING,
      ),
    ).toEqual({
      ok: false,
      reason: 'refused',
      name: 'hz',
      error: "argument couldn't be parsed into an integer",
    });
    expect(config.number('maxmemory')).toBe(1024 * 1024);
  });

  it.each([
    [
      [
        ['nope', '1'],
        ['hz', 'x'],
      ],
      { reason: 'unknown', name: 'nope' },
    ],
    [[['include', 'x']], { reason: 'unknown', name: 'include' }],
    [[['databases', '1']], { reason: 'refused', name: 'databases', error: "can't set immutable config" }],
    [[['dir', '/']], { reason: 'refused', name: 'dir', error: "can't set protected config" }],
    [
      [
        ['min-slaves-to-write', '1'],
        ['min-replicas-to-write', '1'],
      ],
      { reason: 'refused', name: 'min-replicas-to-write', error: 'duplicate parameter' },
    ],
  ] as const)('refuses %j', (changes, result) => {
    expect(new LiveConfig().set(changes, RUNNING)).toEqual({ ok: false, ...result });
  });

  it('refuses some while loading', () => {
    const config = new LiveConfig();
    expect(config.set([['appendonly', 'yes']], { ...RUNNING, isLoading: true })).toEqual({
      ok: false,
      reason: 'loading',
    });
  });

  it('puts everything back when one change cannot be carried out', () => {
    const config = new LiveConfig();
    const applied: string[] = [];
    config.onApply('timeout', (value) => {
      applied.push(value);
      return undefined;
    });
    config.onApply('port', () => 'Unable to listen on this port. Check server logs.');
    const heard = vi.fn<(value: string) => void>();
    config.onChange('timeout', heard);
    expect(
      config.set(
        [
          ['timeout', '7'],
          ['port', '1'],
        ],
        RUNNING,
      ),
    ).toMatchObject({ ok: false, name: 'port' });
    expect(applied).toEqual(['7', '0']);
    expect(heard.mock.calls).toEqual([['0']]);
    expect(config.text('port')).toBe('6379');
  });

  it('tells listeners of changes only', () => {
    const config = new LiveConfig(new Map([['hz', '20']]));
    const heard = vi.fn<(value: string) => void>();
    config.onChange('hz', heard);
    config.set([['hz', '20']], RUNNING);
    config.set([['hz', '30']], RUNNING);
    expect(heard.mock.calls).toEqual([['20'], ['30']]);
  });
});

describe('LiveConfig.get', () => {
  it('takes globs and names, each once, aliases too, hidden ones by name only', () => {
    const config = new LiveConfig();
    expect(config.get(['*slave-prio*', 'SLAVE-PRIORITY', 'port', 'po[r]t'])).toEqual([
      ['slave-priority', '100'],
      ['SLAVE-PRIORITY', '100'],
      ['port', '6379'],
    ]);
    expect(config.get(['key-load*'])).toEqual([]);
    expect(config.get(['key-load-delay', 'nope', 'user'])).toEqual([['key-load-delay', '0']]);
  });
});
