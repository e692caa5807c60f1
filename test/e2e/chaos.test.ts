import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { localHost } from '../../src/hosts/local-host.ts';
import type { StatusReport } from '../../src/show/status-report.ts';
import { treeYaml } from '../support/applied-tree.ts';
import { Deployment, PATIENT } from '../support/deployment.ts';
import { hasEngine, type TestEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';
import { processesIn } from '../support/processes-in.ts';
import { SeededRandom, seedFrom } from '../support/seeded-random.ts';

const ROUNDS = Number(process.env['REPLCTL_CHAOS_ROUNDS'] ?? 2);
/** Longer than any verb takes here, so that the kill falls anywhere in it, and sometimes after its end. */
const KILL_WITHIN_MS = 1_500;
const ENGINES = (['bundled', 'redis'] as const).filter(
  (engine) => hasEngine(engine) && (process.env['REPLCTL_CHAOS_ENGINE'] ?? engine) === engine,
);

describe.each(ENGINES)('chaos on %s', (engine) => {
  let world: ChaosWorld | null = null;
  afterEach(() => world?.deployment.destroy());

  it(
    'converges after every kill, keeps what was written, and leaves nothing behind',
    { timeout: 60_000 + ROUNDS * 40_000 },
    async () => {
      const random = new SeededRandom(seedFrom('REPLCTL_CHAOS_SEED'));
      process.stderr.write(`chaos on ${engine}: REPLCTL_CHAOS_SEED=${random.seed}\n`);
      world = new ChaosWorld(engine, await freePorts(4), random);
      for (let round = 0; round < ROUNDS; round++) await world.round(round);
      await world.end();
    },
  );
});

/** A deployment, what has been written into it, and what it has been through. */
class ChaosWorld {
  readonly deployment: Deployment;
  private readonly ports: readonly number[];
  private readonly random: SeededRandom;
  /** For the message of a failure. */
  private readonly course: string[] = [];
  /** Everything written since the nodes last had it on disk, and what they had there. */
  private unsaved: string[] = [];
  private saved: string[] = [];

  constructor(engine: TestEngine, ports: readonly number[], random: SeededRandom) {
    this.ports = ports;
    this.random = random;
    const [a = 0, b = 0, c = 0, d = 0] = ports;
    const tree = new Map([
      [a, null],
      [b, a],
      [c, a],
      [d, c],
    ]);
    this.deployment = new Deployment(treeYaml(engine, tree));
  }

  async round(round: number): Promise<void> {
    await this.up();
    await this.write(`round:${round}`);
    await this.disturb();
    await this.up();
    if (this.random.below(3) === 0) await this.down();
  }

  async end(): Promise<void> {
    await this.up();
    await this.down();
  }

  private async up(): Promise<void> {
    await this.ok('up');
    const report = await this.deployment.json<StatusReport>('status', ...PATIENT);
    const problems = report.findings.filter(({ severity }) => severity === 'error');
    const masters = report.nodes.filter(({ role }) => role === 'master');
    const misplaced = report.nodes.filter(({ state, parent, declaredParent, link }) => {
      return state !== 'up' || parent !== declaredParent || (parent !== null && link !== 'up');
    });
    expect({ problems, masters: masters.length, misplaced }, this.story()).toEqual({
      problems: [],
      masters: 1,
      misplaced: [],
    });
    for (const { port, id } of report.nodes) {
      const missing = await this.missingOn(port, [...this.saved, ...this.unsaved]);
      expect(missing, `${id} lost writes: ${this.story()}`).toEqual([]);
    }
  }

  /** On all nodes when it returns. */
  private async write(key: string): Promise<void> {
    const { nodes } = await this.deployment.json<StatusReport>('status', ...PATIENT);
    const master = nodes.find(({ role }) => role === 'master')?.port ?? 0;
    await this.deployment.call(master, 'SET', key, key);
    for (const port of this.ports) {
      await poll(`${key} on ${port}`, async () => (await this.missingOn(port, [key])).length === 0);
    }
    this.unsaved.push(key);
  }

  private async missingOn(port: number, keys: readonly string[]): Promise<string[]> {
    if (keys.length === 0) return [];
    const values = await this.deployment.call(port, 'MGET', ...keys);
    return keys.filter((key, index) => !Array.isArray(values) || values[index] !== key);
  }

  private async disturb(): Promise<void> {
    switch (this.random.below(6)) {
      case 0:
        return this.killNodes();
      case 1:
        return this.killAll();
      case 2:
        await this.killNodes();
        return this.interrupted('up');
      case 3:
        return this.refusedOrDone(...this.anyChange());
      case 4:
        await this.interrupted(...this.anyChange());
        return this.random.below(2) === 0 ? this.killNodes() : undefined;
      default:
        return this.interrupted(...this.random.pick([['down'], ['restart', ...this.names()]]));
    }
  }

  /** Some, but one that has everything stays. */
  private async killNodes(): Promise<void> {
    const victims = this.random.shuffle(this.names()).slice(0, 1 + this.random.below(this.ports.length - 1));
    await this.kill(victims);
  }

  private async killAll(): Promise<void> {
    await this.kill(this.names());
    this.unsaved = [];
  }

  private async kill(names: readonly string[]): Promise<void> {
    this.course.push(`kill -9 ${names.join(' ')}`);
    const pids = names.flatMap((name) => this.pidOf(name));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await poll(`${pids.join(', ')} gone`, async () => {
      const facts = await Promise.all(pids.map((pid) => localHost.processFacts(pid)));
      return facts.every((fact) => fact === null);
    });
  }

  private pidOf(name: string): number[] {
    try {
      const pid = this.deployment.pidOf(name);
      return processesIn(this.deployment.dir).includes(pid) ? [pid] : [];
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('no pidfile')) return [];
      throw error;
    }
  }

  private anyChange(): string[] {
    const [first = ''] = this.random.shuffle(this.names());
    return this.random.pick([
      ['promote', first],
      ['chain'],
      ['chain', '--star'],
      ['restart', first],
      ['restart', ...this.names()],
    ]);
  }

  private names(): string[] {
    return this.ports.map(String);
  }

  private async interrupted(...args: string[]): Promise<void> {
    const killAfterMs = this.random.below(KILL_WITHIN_MS);
    const { code, signal } = await this.deployment.run(args, { killAfterMs });
    this.course.push(`${args.join(' ')} → ${signal === null ? code : `killed after ${killAfterMs} ms`}`);
  }

  private async down(): Promise<void> {
    await this.ok('down');
    this.saved.push(...this.unsaved);
    this.unsaved = [];
    expect(leftovers(this.deployment.dir), this.story()).toEqual([]);
  }

  private async ok(...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await this.deployment.run(args);
    this.course.push(`${args.join(' ')} → ${code}`);
    expect(code, `${this.story()}\n${stdout}\n${stderr}`).toBe(0);
  }

  /** Who is master already is refused, with nothing changed. */
  private async refusedOrDone(...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await this.deployment.run(args);
    this.course.push(`${args.join(' ')} → ${code}`);
    expect([0, 18], `${this.story()}\n${stdout}\n${stderr}`).toContain(code);
  }

  private story(): string {
    return `seed ${this.random.seed}\n${this.course.slice(-12).join('\n')}`;
  }
}

/** Processes that run in the folder, and files that only a running node or operation has. */
function leftovers(dir: string): string[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.pid$|\.sock$|^lock|\.tmp|\.new$|^start\.out$/.test(path.basename(file)),
  );
  return [...processesIn(dir).map((pid) => `process ${pid}`), ...files];
}
