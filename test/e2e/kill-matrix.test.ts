import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { history } from '../../src/apply/history.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { ReplctlError } from '../../src/errors.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { buildFixture } from '../support/build-fixture.ts';
import { crash, runCrash } from '../support/crash-run.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { MasterWatch } from '../support/master-watch.ts';
import { poll } from '../support/poll.ts';
import { runVerb, VERBS, type CrashVerb } from '../support/run-verb.ts';
import { SeededRandom, seedFrom } from '../support/seeded-random.ts';
import { WriteLoad } from '../support/write-load.ts';

const HARMS = ['kill replctl', 'kill master', 'kill target', 'stop a node'] as const;
type Harm = (typeof HARMS)[number];

const IS_ALL = process.env['REPLCTL_KILL_MATRIX'] === 'all';
const SEED = seedFrom('REPLCTL_KILL_SEED');
/** Verbs that suffer, each by one harm at one boundary, when it is not the whole matrix. */
const SAMPLE = 6;
const CASES = IS_ALL
  ? VERBS.flatMap((verb) => harmsOf(verb).map((harm) => ({ verb, harm })))
  : sampleCases(new SeededRandom(SEED));
/** Writes go on all the time, and the data set stays so small that the cases are about the steps. */
const WRITE_PAUSE_MS = 4;

describe.each((['redis', 'bundled'] as const).filter(hasEngine))('kill matrix on %s', (engine) => {
  let fixture = '';
  let matrix: Matrix | null = null;
  beforeAll(async () => {
    fixture = await buildFixture('crash');
  });
  afterAll(() => rmSync(fixture, { force: true }));
  afterEach(() => matrix?.tree.remove());

  it.runIf(IS_ALL || engine === 'redis').each(CASES)(
    '$verb: $harm: one master at any time, finished or healthy afterwards, fences gone',
    { timeout: IS_ALL ? 3_600_000 : 300_000 },
    async ({ verb, harm }) => {
      const random = new SeededRandom(SEED);
      const title = `${verb}, ${harm} on ${engine}`;
      process.stderr.write(`kill matrix: ${title}: REPLCTL_KILL_SEED=${SEED}\n`);
      matrix = new Matrix(fixture, await freePorts(5), engine, random);
      await matrix.tree.up();
      const failures: string[] = [];
      let cases = 0;
      for (let isLast = false; !isLast; cases++) {
        const operation = await matrix.prepare(verb);
        const count = operation.plan.stages.length;
        const boundary = IS_ALL ? cases : random.below(count + 1);
        isLast = !IS_ALL || boundary === count;
        // The boundary after the last stage is its end.
        const at = boundary === count ? `done:${count - 1}` : `start:${boundary}`;
        const failure = await matrix.suffer(operation, harm, at);
        if (failure === null) continue;
        process.stderr.write(`${failure}\n`);
        failures.push(failure);
      }
      process.stderr.write(`${title}: ${cases} cases, ${failures.length} failed\n`);
      expect(failures).toEqual([]);
    },
  );
});

/** A promotion by force begins with a dead master. */
function harmsOf(verb: CrashVerb): readonly Harm[] {
  return verb === 'promote --force' ? HARMS.filter((harm) => harm !== 'kill master') : HARMS;
}

function sampleCases(random: SeededRandom): { verb: CrashVerb; harm: Harm }[] {
  return random
    .shuffle(VERBS)
    .slice(0, SAMPLE)
    .map((verb) => ({ verb, harm: random.pick(harmsOf(verb)) }));
}

interface Operation {
  readonly verb: CrashVerb;
  readonly args: readonly string[];
  readonly plan: Plan;
  readonly master: string;
  readonly target: string;
}

class Matrix {
  readonly tree: AppliedTree;
  private readonly fixture: string;
  private readonly ports: readonly number[];
  private readonly spare: string;
  private readonly random: SeededRandom;
  private edits = 0;

  constructor(fixture: string, ports: readonly number[], engine: 'redis' | 'bundled', random: SeededRandom) {
    this.fixture = fixture;
    this.ports = ports;
    this.random = random;
    const [a = 0, b = 0, c = 0, d = 0, spare = 0] = ports;
    this.spare = String(spare);
    const tree = new Map([
      [a, null],
      [b, a],
      [c, a],
      [d, c],
    ]);
    const config = 'defaults: {config: {repl-backlog-size: 64mb, maxmemory: 100mb, databases: 10}}\n';
    this.tree = new AppliedTree(treeYaml(engine, tree, config));
  }

  /** The next operation of its kind, from how the tree stands now, and its plan when nothing disturbs it. */
  async prepare(verb: CrashVerb): Promise<Operation> {
    await this.makeMembership(verb);
    const { nodes } = await this.tree.topology();
    const ids = nodes.map(({ id }) => id);
    const [master = ''] = ids;
    await this.tree.call(Number(master), 'FLUSHALL');
    const leaf = ids.findLast((id) => nodes.every(({ parent }) => parent !== id)) ?? '';
    const middle = nodes.find(
      ({ id, parent }) => parent !== null && nodes.some((node) => node.parent === id),
    );
    const elsewhere = ids.filter(
      (id) => id !== leaf && nodes.find((node) => node.id === leaf)?.parent !== id,
    );
    const args = {
      promote: [leaf],
      'promote --force': [leaf],
      chain: [master, ...ids.slice(1).reverse()],
      move: [leaf, this.random.pick(elsewhere)],
      add: [this.spare, this.random.pick(ids)],
      remove: [this.spare],
      up: [],
      restart: [master],
      stop: [middle?.id ?? leaf, leaf],
      start: [middle?.id ?? leaf, leaf],
      down: [],
    }[verb];
    if (verb === 'up') this.edit();
    if (verb === 'promote --force') await this.tree.kill(Number(master));
    if (verb === 'start') await this.run('stop', ...args);
    const { plan } = await runVerb(verb, args, await this.tree.context(`plan ${verb}`), true);
    const steps = plan.stages.flat();
    const acted = steps.find((step) => step.kind === 'promote' || step.kind === 'rehang') ?? steps[0];
    const target = acted !== undefined && 'node' in acted && acted.node !== master ? acted.node : leaf;
    return { verb, args, plan, master, target };
  }

  /** The fifth node is there to be removed, and is not there to be added. */
  private async makeMembership(verb: CrashVerb): Promise<void> {
    const { nodes } = await this.tree.topology();
    const [master] = nodes;
    const isThere = nodes.some(({ id }) => id === this.spare);
    if (verb === 'add' && isThere) await this.run('remove', this.spare);
    if (verb === 'remove' && !isThere) await this.run('add', this.spare, master?.id ?? '');
  }

  private async run(verb: CrashVerb, ...args: string[]): Promise<void> {
    await runVerb(verb, args, await this.tree.context(verb), false);
  }

  /** What went wrong, or null. The tree is whole again afterwards, or the next case says that it is not. */
  async suffer(operation: Operation, harm: Harm, at: string): Promise<string | null> {
    try {
      await this.sufferOnce(operation, harm, at);
      return null;
    } catch (error) {
      if (error instanceof Error) return error.message;
      throw error;
    }
  }

  private async sufferOnce(
    { verb, args, plan, master, target }: Operation,
    harm: Harm,
    at: string,
  ): Promise<void> {
    const what = `${[verb, ...args].join(' ')}, ${harm} at ${at} (${plan.stages[Number(at.split(':')[1])]?.map(({ kind }) => kind).join()}), seed ${this.random.seed}`;
    const before = await this.declared();
    const victim = {
      'kill replctl': null,
      'kill master': master,
      'kill target': target,
      'stop a node': this.random.pick([master, target]),
    }[harm];
    const signal = harm === 'stop a node' ? 'SIGSTOP' : 'SIGKILL';
    const load = new WriteLoad(this.ports, 1, WRITE_PAUSE_MS);
    const watch = new MasterWatch(this.ports);
    let most = 0;
    try {
      if (victim === null) await crash(this.fixture, this.tree.file, at, verb, ...args);
      else await this.harmNode(victim, signal, at, verb, args, what);
      await this.upAgain(what);
    } finally {
      await load.stop();
      most = await watch.stop();
    }
    expect(most, what).toBeLessThanOrEqual(1);
    const declared = await this.declared();
    const outcomes = victim === null ? [plan.tree] : [plan.tree, before];
    expect(outcomes, what).toContainEqual(declared);
    expect(await this.tree.liveTree(), what).toEqual(declared);
    await this.expectNoFence(what);
    if (signal === 'SIGSTOP' || victim === null) {
      const root = Object.keys(declared).find((id) => declared[id] === null);
      expect(await load.missingOn(Number(root)), what).toEqual([]);
    }
    const records = await history((await this.tree.topology()).stateDir);
    expect(
      records.filter(({ outcome }) => outcome === 'unfinished'),
      what,
    ).toEqual([]);
  }

  private async harmNode(
    victim: string,
    signal: 'SIGSTOP' | 'SIGKILL',
    at: string,
    verb: CrashVerb,
    args: readonly string[],
    what: string,
  ): Promise<void> {
    const ran = await runCrash(this.fixture, this.tree.file, at, `${signal}:${victim}`, verb, ...args);
    if (ran.stdout === '') process.stderr.write(`${what}: void, it had given up before\n`);
    else if (ran.stdout === 'none') process.stderr.write(`${what}: void, ${victim} was not running then\n`);
    else if (signal === 'SIGSTOP') await this.whileStopped(Number(ran.stdout), what);
  }

  /** The verb, or `up`, may have ended the stopped process. */
  private async whileStopped(pid: number, what: string): Promise<void> {
    const stopped = await localHost.processFacts(pid);
    try {
      await this.upWhileStopped(what);
    } finally {
      if (stopped !== null) await localHost.signal(stopped, 'SIGCONT');
    }
  }

  /** It may be refused or give up, but never by a bug. */
  private async upWhileStopped(what: string): Promise<void> {
    const context = { ...(await this.tree.context('up')), timeoutMs: 2_500 };
    try {
      await this.tree.up({}, context);
    } catch (error) {
      expect(error, what).toBeInstanceOf(ReplctlError);
      expect(error, what).not.toMatchObject({ code: 'INTERNAL' });
    }
  }

  private async upAgain(what: string): Promise<void> {
    try {
      await this.tree.up();
    } catch (error) {
      throw new Error(`${what}: up afterwards: ${error instanceof Error ? error.message : ''}`, {
        cause: error,
      });
    }
  }

  private async expectNoFence(what: string): Promise<void> {
    for (const { port } of (await this.tree.topology()).nodes) {
      for (const [directive, value] of [
        ['repl-ping-replica-period', '10'],
        ['min-replicas-to-write', '0'],
      ] as const) {
        expect(await this.tree.call(port, 'CONFIG', 'GET', directive), what).toEqual([directive, value]);
      }
    }
    const declared = await this.declared();
    const root = Number(Object.keys(declared).find((id) => declared[id] === null));
    await poll(
      `a write on ${root} (${what})`,
      async () => (await this.tree.call(root, 'SET', 'w', 'w')) === 'OK',
    );
  }

  private async declared(): Promise<Record<string, string | null>> {
    return Object.fromEntries((await this.tree.topology()).nodes.map(({ id, parent }) => [id, parent]));
  }

  private edit(): void {
    this.edits += 1;
    this.tree.edit((text) =>
      text.replace(
        /maxmemory: \d+mb, databases: \d+/,
        `maxmemory: ${100 + this.edits}mb, databases: ${10 + this.edits}`,
      ),
    );
  }
}
