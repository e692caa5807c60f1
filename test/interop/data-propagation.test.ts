import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine, type TestEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { FAMILIES, makeStep, Random } from '../support/random-commands.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer, type RealServer } from '../support/real-server.ts';

/** Commands that are told by their effect, because a replica could not find the same by itself. */
const BY_EFFECT = [
  'spop K',
  'spop K 2',
  'sadd K E E E',
  'geoadd K 1 2 E',
  'geosearchstore K K fromlonlat 1 2 byradius 100 km',
  'hincrbyfloat K E 0.1',
  'xadd K * E E',
  'xadd K maxlen ~ 1 * E E',
  'xadd K nomkstream * E E',
  'xgroup create K g 0',
  'xreadgroup group g a|b streams K >',
  'xreadgroup group g a noack streams K >',
  'xautoclaim K g b 0 0',
  'multi',
  'exec',
];
const STEPS = 1500;

type Node = Pick<RealServer, 'port' | 'stop'>;

const start = async (engine: TestEngine, flags: readonly string[] = []): Promise<Node> =>
  engine === 'bundled'
    ? startBundledServer(['--enable-debug-command', 'yes', ...flags])
    : startRealServer(`${engine}-server`, ['--repl-diskless-sync-delay', '0', ...flags]);

const DIRECTIONS = [
  ['bundled', 'redis'],
  ['redis', 'bundled'],
] as const;

/** The replica of a master of the other kind has the same data after thousands of random writes. */
describe.skipIf(!hasEngine('redis')).each(DIRECTIONS)('the stream of %s as %s takes it', (above, below) => {
  let master: Node | undefined;
  let replica: Node | undefined;

  beforeAll(async () => {
    master = await start(above);
    const { port } = master;
    replica = await start(below, ['--replicaof', '127.0.0.1', String(port)]);
    const connection = await RawConnection.open(replica.port);
    try {
      await poll('the link to be up', async () =>
        (await connection.call('INFO', 'replication')).includes('master_link_status:up'),
      );
    } finally {
      connection.close();
    }
  });
  afterAll(async () => {
    await replica?.stop();
    await master?.stop();
  });

  const families = { ...FAMILIES, byEffect: BY_EFFECT };
  for (const [name, templates] of Object.entries(families)) {
    it(`has the same digest after random ${name.toLowerCase()}`, async () => {
      const [ours, theirs] = await Promise.all([
        RawConnection.open(master?.port ?? 0),
        RawConnection.open(replica?.port ?? 0),
      ]);
      try {
        await ours.call('FLUSHALL');
        const random = new Random(templates.length);
        for (let n = 0; n < STEPS; n++) {
          const { argv } = makeStep(random, templates);
          // Inside MULTI a wait ends at once, outside it would only take time.
          if (!argv[0]?.startsWith('b')) await ours.call(...argv);
        }
        await ours.call('DISCARD');
        expect(await ours.call('WAIT', '1', '50000')).toBe(':1\r\n');
        const digest = await ours.call('DEBUG', 'DIGEST');
        expect(digest).toMatch(/^\+[0-9a-f]{40}\r\n$/);
        expect(await theirs.call('DEBUG', 'DIGEST')).toBe(digest);
        expect(await theirs.call('INFO', 'stats')).toContain('unexpected_error_replies:0');
      } finally {
        ours.close();
        theirs.close();
      }
    });
  }
});
