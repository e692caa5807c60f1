import { afterAll, describe, expect, it } from 'vitest';
import { salvage } from '../../src/apply/salvage.ts';
import { verify } from '../../src/apply/verify.ts';
import { connect, type Client } from '../../src/observe/client.ts';
import type { NodeSpec } from '../../src/topology/model.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { SeededRandom, seedFrom } from '../support/seeded-random.ts';
import { poll } from '../support/poll.ts';

/** 50 with REPLCTL_SALVAGE=50; a few otherwise. REPLCTL_SALVAGE_SEED repeats a run. */
const PARTITIONS = Number(process.env['REPLCTL_SALVAGE'] ?? 5);
const BACKLOG_BYTES = 16_384;
/** A PING that only the node left behind has counted would be lost bytes that no command tells of. */
const CONFIG = `repl-backlog-size: ${BACKLOG_BYTES}, repl-ping-replica-period: 1000, repl-timeout: 2000`;
/** `SELECT 0` in the stream. */
const SELECT_BYTES = 23;
const READ_ONLY = { replays: false, reattaches: false };

type Command = readonly Buffer[];

/**
 * Partitions with writes on both sides: the node left behind takes commands that are written down here, and its backlog
 * must give back exactly these: all of them while they fit, else the newest ones and a count of the bytes before them.
 */
describe.each((['redis', 'bundled'] as const).filter(hasEngine))(
  'salvage after partitions on %s',
  (engine) => {
    let tree: AppliedTree | null = null;
    afterAll(() => tree?.remove());

    it(
      'gives back the lost writes byte for byte, and counts what it cannot',
      async () => {
        const random = new SeededRandom(seedFrom('REPLCTL_SALVAGE_SEED'));
        process.stderr.write(`salvage on ${engine}: REPLCTL_SALVAGE_SEED=${random.seed}\n`);
        const ports = await freePorts(2);
        const world = new AppliedTree(yaml(engine, ports[0] ?? 0, ports[1] ?? 0));
        tree = world;
        await world.up();
        for (let round = 0; round < PARTITIONS; round++) {
          const [left = 0, right = 0] = round % 2 === 0 ? ports : [...ports].reverse();
          await partition(world, random, { engine, left, right, round });
        }
      },
      120_000 + PARTITIONS * 10_000,
    );
  },
);

interface Partition {
  readonly engine: 'redis' | 'bundled';
  /** Master before; the one whose writes are lost. */
  readonly left: number;
  readonly right: number;
  readonly round: number;
}

async function partition(
  world: AppliedTree,
  random: SeededRandom,
  { engine, left, right, round }: Partition,
): Promise<void> {
  const { nodes } = await world.topology();
  const [old, promoted] = await Promise.all([open(nodes, left), open(nodes, right)]);
  try {
    await old.call('SET', 'before', String(round));
    await poll('both agree', async () => (await promoted.call('GET', 'before')) === String(round));
    await promoted.call('REPLICAOF', 'NO', 'ONE');
    // Every other partition outgrows the backlog.
    const isLong = random.below(2) === 0;
    const truth = commands(random, isLong ? 400 : 30);
    const own = commands(random, 10);
    await old.pipelineRaw(truth);
    await promoted.pipelineRaw(own);
    world.edit(() => yaml(engine, right, left));

    const context = await world.context('salvage');
    const result = await salvage(context, String(left), READ_ONLY);

    const recovered = result.commands.map(({ args }) => args);
    expect(result.commands.every(({ database }) => database === 0)).toBe(true);
    expect(plain(recovered)).toEqual(plain(truth.slice(truth.length - recovered.length)));
    const missing = truth.slice(0, truth.length - recovered.length);
    // The stream holds these commands and at most one SELECT; what is lost are the bytes of those that are missing.
    const overhead = result.divergedBytes - streamBytes(truth);
    expect([0, SELECT_BYTES]).toContain(overhead);
    expect([0, overhead]).toContain(result.lostBytes - streamBytes(missing));
    expect(missing.length > 0).toBe(isLong);
    const ours = new Set(own.map(([, key]) => String(key)));
    const both = new Set(recovered.map(([, key]) => String(key)).filter((key) => ours.has(key)));
    expect(new Set(result.touchedOnBoth.map(({ key }) => String(key)))).toEqual(both);

    await salvage(context, String(left), { replays: true, reattaches: true });
    await poll(`${left} follows`, async () => {
      const [one, other] = await Promise.all([world.info(left), world.info(right)]);
      return one['master_link_status'] === 'up' && one['slave_repl_offset'] === other['master_repl_offset'];
    });
    const { differences } = await verify(await world.topology(), {
      sample: null,
      timeoutMs: 20_000,
      signal: context.signal,
      onProgress: () => undefined,
    });
    expect(differences).toEqual([]);
  } finally {
    old.close();
    promoted.close();
  }
}

/** Writes that the stream carries as they were sent, with values of any bytes: some 6 kB of 30 of them. */
function commands(random: SeededRandom, count: number): Command[] {
  return Array.from({ length: count }, (_, index): Command => {
    const key = `k${random.below(30)}`;
    const noise = Array.from({ length: random.below(400) }, () => random.below(256));
    // A member that is there already would not be in the stream.
    const value = Buffer.from([index & 255, index >> 8, ...noise]);
    const kind = random.pick(['SET', 'RPUSH', 'SADD', 'HSET'] as const);
    const head = [Buffer.from(kind), Buffer.from(`${kind}:${key}`)];
    return kind === 'HSET' ? [...head, value, Buffer.from('v')] : [...head, value];
  });
}

function plain(list: readonly Command[]): string[][] {
  return list.map((command) => command.map((arg) => arg.toString('latin1')));
}

function streamBytes(list: readonly Command[]): number {
  const bulk = (arg: Buffer): number => `$${arg.length}\r\n`.length + arg.length + 2;
  return list.reduce(
    (sum, command) =>
      sum + `*${command.length}\r\n`.length + command.reduce((all, arg) => all + bulk(arg), 0),
    0,
  );
}

async function open(nodes: readonly NodeSpec[], port: number): Promise<Client> {
  const spec = nodes.find((node) => node.port === port);
  if (spec === undefined) throw new Error(`no ${port}`);
  return connect(spec, { password: null, timeoutMs: 20_000 });
}

function yaml(engine: 'redis' | 'bundled', master: number, replica: number): string {
  return treeYaml(
    engine,
    new Map([
      [master, null],
      [replica, master],
    ]),
    `defaults: {config: {${CONFIG}}}\n`,
  );
}
