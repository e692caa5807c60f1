import { describe, expect, it } from 'vitest';
import { DEFAULT_SWITCHOVER } from '../../src/plan/plan-switchover.ts';
import { preflight } from '../../src/plan/preflight.ts';
import type { Probes } from '../../src/plan/probes.ts';
import type { PreflightCode } from '../../src/plan/refusal.ts';
import { ObservedWorld } from '../support/observed-world.ts';

const OK: Probes = {
  attached: [],
  addresses: [{ from: 'm', to: 'c', address: '127.0.0.1:6382', trouble: null }],
  confs: [{ node: 'm', file: '/state/m/redis.conf', trouble: null }],
};

/** m → a → c, m → b; c is to be promoted. */
function check(spoil: (world: ObservedWorld) => void, probes: Partial<Probes> = {}) {
  const world = new ObservedWorld({ m: null, a: 'm', b: 'm', c: 'a' });
  spoil(world);
  return preflight({
    observation: world.observation(),
    from: 'm',
    to: 'c',
    options: DEFAULT_SWITCHOVER,
    probes: { ...OK, ...probes },
  });
}

type Case = readonly [
  PreflightCode,
  node: string,
  measured: unknown,
  allowed: unknown,
  spoil: (world: ObservedWorld) => void,
  probes?: Partial<Probes>,
];

const raw = (world: ObservedWorld, id: string, name: string, value: string): void =>
  world.changeInfo(id, (info) => ({ raw: new Map([...info.raw, [name, value]]) }));

const CASES: readonly Case[] = [
  ['NotOneRoot', 'b', 'm, b', 'm', (world) => world.makeMaster('b')],
  ['NotOneRoot', 'b', 'm, b', 'm', (world) => world.follow('b', null)],
  [
    'ReplidDiffers',
    'c',
    'd'.repeat(40),
    'a'.repeat(40),
    (world) => world.replication('c', { replid: 'd'.repeat(40) }),
  ],
  ['TargetLinkDown', 'c', 'down', 'up', (world) => world.link('c', { isUp: false })],
  [
    'TargetLoading',
    'c',
    undefined,
    undefined,
    (world) =>
      world.changeInfo('c', ({ persistence }) => ({ persistence: { ...persistence, isLoading: true } })),
  ],
  [
    'TargetSyncing',
    'c',
    77,
    0,
    (world) => world.link('c', { isUp: false, isSyncing: true, syncLeftBytes: 77 }),
  ],
  ['TargetLagHigh', 'c', 20_000_000, 10_000_000, (world) => world.replication('m', { offset: 20_005_000 })],
  [
    'BacklogShort',
    'c',
    1_048_576,
    2_048_000,
    (world) => world.changeInfo('m', ({ stats }) => ({ stats: { ...stats, replicationOutputKbps: 2_000 } })),
  ],
  ['TargetNeverPromoted', 'c', 0, 1, (world) => world.configure('c', 'replica-priority', '0')],
  [
    'TargetOlder',
    'c',
    '6.2.0',
    '7.0.15',
    (world) => world.changeInfo('c', ({ server }) => ({ server: { ...server, version: '6.2.0' } })),
  ],
  [
    'TargetPersistsLess',
    'c',
    'no',
    'yes',
    (world) =>
      world.changeInfo('m', ({ persistence }) => ({ persistence: { ...persistence, aofEnabled: true } })),
  ],
  [
    'TargetMemoryLess',
    'c',
    500,
    900,
    (world) => {
      world.changeInfo('m', ({ memory }) => ({ memory: { ...memory, usedBytes: 900, maxBytes: 1_000 } }));
      world.changeInfo('c', ({ memory }) => ({ memory: { ...memory, maxBytes: 500 } }));
    },
  ],
  [
    'MasterauthMissing',
    'm',
    'unset',
    'declared',
    (world) => world.change('m', { secrets: { requirepass: 'declared', masterauth: 'unset' } }),
  ],
  [
    'AddressNotValid',
    'c',
    'ECONNREFUSED',
    'it answers',
    () => undefined,
    { addresses: [{ from: 'm', to: 'c', address: '10.0.0.1:1', trouble: 'ECONNREFUSED' }] },
  ],
  [
    'ForeignControllerActive',
    'a',
    'sentinel',
    'none',
    (world) => world.change('a', { controllers: [{ kind: 'sentinel', name: 's', address: '10.0.0.2:1' }] }),
  ],
  [
    'ConfNotWritable',
    'm',
    'its folder is not writable',
    'writable',
    () => undefined,
    { confs: [{ node: 'm', file: '/state/m/redis.conf', trouble: 'its folder is not writable' }] },
  ],
  [
    'FailoverRunning',
    'm',
    'waiting-for-sync',
    'no-failover',
    (world) => world.replication('m', { failoverState: 'waiting-for-sync' }),
  ],
  [
    'AlreadyPaused',
    'm',
    'client_pause',
    'none',
    (world) =>
      world.changeInfo('m', ({ clients }) => ({ clients: { ...clients, pausedReason: 'client_pause' } })),
  ],
];

describe('preflight', () => {
  it('has nothing against a healthy tree', () => {
    expect(check(() => undefined)).toEqual([]);
  });

  it.each(CASES.map((one) => ({ one, name: one.slice(0, 4).join(' ') })))('$name', ({ one }) => {
    const [code, node, measured, allowed, spoil, probes] = one;
    const [first, ...others] = check(spoil, probes);
    expect(first).toMatchObject({ code, node });
    expect([first?.measured, first?.allowed]).toEqual([measured, allowed]);
    expect(first?.message).toContain(node);
    expect(others).toEqual([]);
  });

  it('counts what the plan hangs below the master beforehand', () => {
    expect(check((world) => world.follow('b', null), { attached: ['b'] })).toEqual([]);
  });

  it('wants ten times as much backlog below 7.0, where a reconnect takes longer', () => {
    const spoil = (world: ObservedWorld): void => {
      world.changeInfo('m', ({ stats }) => ({ stats: { ...stats, replicationOutputKbps: 200 } }));
      raw(world, 'c', 'redis_version', '6.2.0');
    };
    expect(check(spoil)).toMatchObject([{ code: 'BacklogShort', allowed: 2_048_000 }]);
  });

  it('tells every reason, not only the first', () => {
    const doubts = check((world) => {
      world.configure('c', 'replica-priority', '0');
      world.change('a', { controllers: [{ kind: 'cluster', name: 'c', address: '10.0.0.2:1' }] });
      world.makeMaster('b');
    });
    expect(doubts.map(({ code }) => code)).toEqual([
      'NotOneRoot',
      'TargetNeverPromoted',
      'ForeignControllerActive',
    ]);
  });
});
