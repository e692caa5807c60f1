import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { treeYaml } from '../support/applied-tree.ts';
import { buildFixture } from '../support/build-fixture.ts';
import { crash } from '../support/crash-run.ts';
import { Deployment, PATIENT } from '../support/deployment.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

/** What a node may be sent by who only looks. PING and REPLCONF are what its own master sends it. */
const READING = new Set([
  'info',
  'role',
  'config get',
  'client list',
  'client setinfo',
  'client setname',
  'command',
  'hello',
  'auth',
  'ping',
  'replconf',
  // What verify and salvage read the data with.
  'client no-touch',
  'select',
  'scan',
  'type',
  'pexpiretime',
  'pttl',
  'dump',
  'exists',
  'eval_ro',
  'strlen',
  'llen',
  'scard',
  'zcard',
  'hlen',
  'xlen',
  'get',
  'lrange',
  'smembers',
  'zrange',
  'hgetall',
  'xrange',
  'xinfo groups',
  'debug digest-cut',
  'psync',
]);

const AT_ONCE = 4;
const ENGINES = (['redis', 'bundled'] as const).filter(hasEngine);

describe.each(ENGINES)('dry runs and verbs that only read, on %s', (engine) => {
  let deployment: Deployment | null = null;
  afterEach(async () => {
    await deployment?.destroy();
    deployment = null;
  });

  it('send no changing command and change no file, whatever stands', async () => {
    const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4);
    const ports = [a, b, c];
    const world = new Deployment(
      treeYaml(
        engine,
        new Map([
          [a, null],
          [b, a],
          [c, b],
        ]),
        'defaults: {config: {maxmemory: 100mb, databases: 10}}\n',
      ),
    );
    deployment = world;
    const [master, middle, leaf] = ports.map(String) as [string, string, string];
    await staysSame(world, ['up', '--dry-run'], ['start', master, '--dry-run'], ['status'], ['plan']);

    await world.ok('up');
    const verbs = [
      ['up', '--dry-run'],
      ['down', '--dry-run'],
      ['promote', leaf, '--dry-run'],
      ['promote', '--candidate', 'auto', '--dry-run'],
      ['chain', '--dry-run'],
      ['chain', '--star', '--dry-run'],
      ['move', leaf, '--under', master, '--dry-run'],
      ['add', String(d), '--under', middle, '--dry-run'],
      ['remove', leaf, '--dry-run'],
      ['restart', master, leaf, '--dry-run'],
      ['stop', leaf, '--dry-run'],
      ['start', leaf, '--dry-run'],
      ['adopt', '--dry-run'],
      ['resume', '--dry-run'],
      ['rollback', '--dry-run'],
      ['down', '--wipe', '--confirm', 't', '--dry-run'],
      ['plan'],
      ['plan', 'promote', leaf],
      ['apply', 'plan.json', '--dry-run'],
      ['verify'],
      ['salvage', middle],
      ['status'],
      ['history'],
      ['validate'],
      ['render'],
      ['schema'],
      ['logs'],
    ];
    await world.call(a, 'SET', 'k', 'v');
    await world.call(a, 'RPUSH', 'l', '1', '2');
    await world.converged(a, [b, c]);
    await world.ok('plan', 'promote', leaf, '-o', 'plan.json');
    const watches = await Promise.all(ports.map((port) => watchCommands(world, port)));
    await staysSame(world, ...verbs);
    for (const watch of watches) expect(await watch.changing()).toEqual([]);

    world.edit((text) => text.replace('databases: 10', 'databases: 12').replace('100mb', '200mb'));
    await staysSame(world, ['up', '--dry-run'], ['plan'], ['restart', master, '--dry-run']);
    for (const watch of watches) expect(await watch.changing()).toEqual([]);

    const fixture = await buildFixture('crash');
    try {
      await crash(fixture, world.file, 'done:4', 'promote', leaf);
    } finally {
      rmSync(fixture, { force: true });
    }
    const after = await Promise.all(ports.map((port) => watchCommands(world, port)));
    await staysSame(
      world,
      ['resume', '--dry-run'],
      ['rollback', '--dry-run'],
      ['up', '--dry-run'],
      ['status'],
      ['history'],
    );
    for (const watch of after) expect(await watch.changing()).toEqual([]);
  }, 300_000);
});

/** Runs them side by side; the folder has the same files, with the same content and times, afterwards. */
async function staysSame(world: Deployment, ...verbs: readonly string[][]): Promise<void> {
  const before = snapshot(world.dir);
  const waiting = [...verbs];
  const runSome = async (): Promise<void> => {
    for (let args = waiting.shift(); args !== undefined; args = waiting.shift()) {
      const { code, stderr } = await world.run([...args, ...PATIENT]);
      expect([0, 4, 18], `${args.join(' ')}: ${stderr}`).toContain(code);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runSome));
  expect(snapshot(world.dir)).toEqual(before);
}

/** All but what the servers themselves write while nothing is asked of them. */
function snapshot(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
    (file) => !/redis\.log$|\.rdb$/.test(file),
  );
  return Object.fromEntries(files.sort().map((file) => [file, fingerprint(path.join(dir, file))]));
}

function fingerprint(file: string): string {
  const stat = statSync(file);
  if (!stat.isFile()) return `folder ${stat.mode}`;
  return `${stat.mtimeMs} ${stat.mode} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`;
}

/** What a node is sent from now on. */
async function watchCommands(
  world: Deployment,
  port: number,
): Promise<{ changing: () => Promise<string[]> }> {
  const monitor = await world.client(port).monitor();
  const seen: string[] = [];
  monitor.on('monitor', (_time: string, args: string[]) => seen.push(args.join(' ')));
  return {
    changing: async () => {
      // Only a watch that sees what it is shown may say that there was nothing.
      const mark = `mark-${port}-${seen.length}`;
      await world.call(port, 'PING', mark);
      await poll(`${mark} is seen`, () => Promise.resolve(seen.some((line) => line.includes(mark))));
      return seen.filter((line) => !isReading(line.toLowerCase()));
    },
  };
}

function isReading(command: string): boolean {
  const [first = '', second = ''] = command.split(' ');
  return READING.has(first) || READING.has(`${first} ${second}`);
}
