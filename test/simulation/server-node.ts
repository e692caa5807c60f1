import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Admin } from '../../src/server/admin/admin.ts';
import { Shutdown } from '../../src/server/admin/shutdown.ts';
import type { Clock, Timer } from '../../src/server/clock.ts';
import type { Client } from '../../src/server/command/client.ts';
import { LiveConfig } from '../../src/server/config/live-config.ts';
import { FAMILIES } from '../../src/server/families.ts';
import type { ValueType } from '../../src/server/keyspace/value.ts';
import type { Transport } from '../../src/server/net/transport.ts';
import { attachData, type DataParts } from '../../src/server/process/attach-data.ts';
import type { Replication } from '../../src/server/replication/replication.ts';
import { Args } from '../../src/server/resp/args.ts';
import { Server } from '../../src/server/server.ts';
import { FAMILIES as COMMANDS, makeStep, Random as CommandRandom } from '../support/random-commands.ts';
import { dial, type Life } from './dial.ts';
import type { FakeClock } from './fake-clock.ts';
import type { Endpoint, FakeNetwork } from './fake-network.ts';
import { MemorySpool } from './memory-spool.ts';
import type { Node, NodeParts } from './node.ts';
import type { Random } from './random.ts';

/** What each look at the clock costs, so that work in slices is cut into slices. */
const LOOK_MS = 0.5;
/** A collection that a snapshot writes in several slices. */
const MANY = Array.from({ length: 800 }, (_, index) => String(index));

const SCRIPT = `redis.call('SPOP', KEYS[1]); redis.call('APPEND', KEYS[2], ARGV[1]);
redis.call('SADD', KEYS[1], ARGV[1], redis.call('TIME')[2]); return redis.call('PEXPIRE', KEYS[1], 30000)`;

/** How to read a value, and of how many lines of the reply an element in no order consists, if there are such. */
const READS: Record<
  ValueType,
  { readonly lines?: number; readonly commands: (key: string) => readonly (readonly string[])[] }
> = {
  string: { commands: (key) => [['GET', key]] },
  list: { commands: (key) => [['LRANGE', key, '0', '-1']] },
  set: { lines: 2, commands: (key) => [['SMEMBERS', key]] },
  hash: { lines: 4, commands: (key) => [['HGETALL', key]] },
  zset: { commands: (key) => [['ZRANGE', key, '0', '-1', 'WITHSCORES']] },
  stream: {
    commands: (key) => [
      ['XRANGE', key, '-', '+'],
      ['XINFO', 'GROUPS', key],
    ],
  },
};

/** A bundled server, whole but for its sockets: the data, the commands, expiry, snapshots and the dump file are real. */
export class ServerNode implements Node {
  readonly name: string;
  readonly port: number;
  fullLoads = 0;
  readonly #parts: NodeParts;
  readonly #folder: string;
  readonly #settings: ReadonlyMap<string, string>;
  #process: Process;
  /** As the conf file has it. */
  #master = '';

  /** Its files are in a folder of its own below `folder`. */
  constructor(parts: NodeParts, folder: string) {
    const { port, network } = parts;
    this.name = `n${port}`;
    this.port = port;
    this.#parts = parts;
    this.#folder = path.join(folder, this.name);
    mkdirSync(this.#folder);
    this.#settings = new Map([
      ['dir', this.#folder],
      ['save', ''],
      ['port', String(port)],
      ['databases', '4'],
      ['repl-backlog-size', '65536'],
      ['repl-timeout', '5'],
      ['repl-ping-replica-period', '1'],
      ['repl-diskless-sync', network.random.pick(['yes', 'no'])],
      ['repl-diskless-sync-delay', network.random.pick(['0', '1'])],
    ]);
    this.#process = this.#begin();
  }

  get replication(): Replication {
    return this.#process.replication;
  }

  get isUp(): boolean {
    return !this.#process.isDead;
  }

  get isPaused(): boolean {
    return this.#process.server.pause.isPaused;
  }

  accept(endpoint: Endpoint): void {
    this.#process.accept(endpoint);
  }

  write(db: number, args: readonly string[]): void {
    this.#process.run([['SELECT', String(db)], args]);
  }

  scribble(random: Random, serial: () => number): void {
    const db = String(random.chance(0.2) ? random.between(0, 3) : 0);
    const dice = new CommandRandom(random.between(1, 1_000_000));
    const templates = random.pick(Object.values(COMMANDS));
    const key = `k${random.between(0, 4)}`;
    const some = (): readonly string[] => makeStep(dice, templates).argv;
    const commands = random.pick<() => readonly (readonly string[])[]>([
      () => [some(), some(), some()],
      () => [['MULTI'], some(), some(), ['EXEC']],
      () => [['SET', `t${random.between(0, 9)}`, `${serial()}`, 'PX', `${random.between(1, 20_000)}`]],
      () => [['EVAL', SCRIPT, '2', 'members', 'sum', `${serial()};`]],
      () => [
        ['APPEND', 'sum', `${serial()};`],
        ['XADD', 'x', 'MAXLEN', '50', '*', 'n', `${serial()}`],
      ],
      () => [
        ['PEXPIRE', key, `${random.between(1, 5000)}`],
        ['INCRBYFLOAT', 'f', '0.1'],
      ],
      () => [['DEL', key, 'sum']],
      () => [['SET', `n${random.between(0, 400)}`, `${serial()}`]],
      () => [
        ['HSET', `fields${random.between(0, 2)}`, 'a', `${serial()}`, 'b', `${serial()}`],
        ['HPEXPIRE', `fields${random.between(0, 2)}`, `${random.between(1, 20_000)}`, 'FIELDS', '1', 'a'],
        ['HINCRBY', `fields${random.between(0, 2)}`, 'a', '1'],
        ['HINCRBYFLOAT', `fields${random.between(0, 2)}`, 'a', '0.5'],
      ],
      () => [
        random.chance(0.1) ? ['HSET', 'wide', ...MANY] : ['HPERSIST', 'wide', 'FIELDS', '1', '20'],
        [
          'HPEXPIRE',
          'wide',
          `${random.between(1, 20_000)}`,
          'FIELDS',
          '2',
          '20',
          `${random.between(0, 399) * 2}`,
        ],
      ],
      () => [['LSET', 'many', `${random.between(0, 799)}`, `${serial()}`]],
      () => [random.chance(0.1) ? ['RPUSH', 'many', ...MANY] : ['LPOP', 'many']],
    ])();
    this.#process.run([['SELECT', db], ...commands]);
  }

  writeAndWait(key: string, replicaCount: number, acknowledged: () => void): void {
    let replies = '';
    const wanted = `+OK\r\n:${replicaCount}\r\n`;
    const client = this.#process.server.connect(
      new Recorder((bytes) => {
        replies += Buffer.from(bytes).toString('latin1');
        if (replies === wanted) acknowledged();
      }),
    );
    this.#process.feed(client, [
      ['SET', key, '1'],
      ['WAIT', String(replicaCount), '0'],
    ]);
  }

  get(db: number, key: string): string | undefined {
    const { keyspace } = this.#process.server;
    const found = keyspace.dbIfUsed(db);
    const ref = found?.findString(key) ?? 0;
    return found === undefined || ref === 0 ? undefined : found.valueString(ref);
  }

  /** By the server's own commands: hashing every element would take most of a run. */
  digest(): string {
    const { server } = this.#process;
    const found: string[] = [];
    for (let index = 0; index < server.keyspace.count; index += 1) {
      const db = server.keyspace.dbIfUsed(index);
      const entries: (readonly [key: string, type: ValueType, expireAt: number])[] = [];
      db?.forEach((ref) => entries.push([db.keyString(ref), db.typeOf(ref), db.expireAt(ref)]));
      for (const [key, type, expireAt] of entries) {
        if (expireAt >= 0 && expireAt <= server.clock.now()) continue;
        const { lines, commands } = READS[type];
        const replies = this.#process.run([['SELECT', String(index)], ...commands(key)]);
        // As in redis-server, known to the master alone: a consumer that XREADGROUP or XCLAIM had nothing for, and how
        // many entries a group has read, which XCLAIM does not tell.
        const known = replies
          .replaceAll(/(consumers\r\n):\d+/g, '$1')
          .replaceAll(/((?:entries-read|lag)\r\n)(?::\d+|\$-1)/g, '$1');
        found.push(`${index} ${key} ${expireAt} ${sortLines(known, lines)}`);
      }
    }
    return found.toSorted().join('\n');
  }

  stop(): void {
    this.#process.data.persist(true, false);
    this.crash();
  }

  crash(): void {
    this.#parts.log(`${this.name} goes down`);
    this.#master = this.#process.config.text('replicaof');
    this.#process.end();
  }

  async start(): Promise<void> {
    this.#parts.log(`${this.name} comes up`);
    this.#process = this.#begin();
    await this.#process.data.load();
    this.#process.data.follow();
  }

  forget(): void {
    this.#master = '';
    rmSync(path.join(this.#folder, 'dump.rdb'), { force: true });
  }

  #begin(): Process {
    return new Process(
      this.name,
      this.#parts,
      new Map([...this.#settings, ['replicaof', this.#master]]),
      () => {
        this.fullLoads += 1;
      },
    );
  }
}

/** From a start to its end: what is in here is gone after a crash. */
class Process implements Life {
  readonly endpoints = new Set<Endpoint>();
  isDead = false;
  readonly config: LiveConfig;
  readonly server: Server;
  readonly data: DataParts;
  readonly replication: Replication;

  constructor(name: string, parts: NodeParts, settings: ReadonlyMap<string, string>, loaded: () => void) {
    const { network } = parts;
    const { random } = network;
    this.config = new LiveConfig(settings);
    const admin = new Admin(this.config, PROCESS_FACTS, new Shutdown());
    this.server = new Server({
      clock: new LifeClock(network, this),
      random: (below) => random.between(0, below - 1),
      log: (level, text) => {
        if (!this.isDead) parts.log(`${name} ${level} ${text}`);
      },
      config: this.config,
      families: [...FAMILIES, ...admin.families],
    });
    admin.attach(this.server, []);
    this.data = attachData(this.server, this.config, admin.sources, {
      connect: (master, events) => dial(parts, this, master.port, events),
      createSpool: () => new MemorySpool(() => random.chance(0.002)),
    });
    const { replication, trackFlush } = this.server;
    // Nothing else than a full resync replaces all data here.
    this.server.trackFlush = () => {
      trackFlush();
      loaded();
    };
    if (replication === undefined) throw new Error('a server without replication');
    this.replication = replication;
  }

  accept(endpoint: Endpoint): void {
    this.endpoints.add(endpoint);
    const { server } = this;
    const client = server.connect(new EndpointTransport(endpoint));
    endpoint.listen({
      data: (chunk) => {
        if (!this.isDead) server.receive(client, chunk, 0, chunk.length);
      },
      drain: () => {
        if (!this.isDead) client.onDrain?.();
      },
      closed: () => {
        if (!this.isDead) client.close(true);
      },
    });
  }

  /** As a client of its own; answers what it got so far. */
  run(commands: readonly (readonly string[])[]): string {
    const client = this.server.connect();
    this.feed(client, commands);
    const replies = client.reply.buf.toString('latin1', 0, client.reply.length);
    client.reply.truncate(0);
    return replies;
  }

  feed(client: Client, commands: readonly (readonly string[])[]): void {
    for (const argv of commands) {
      const { buf } = Args.of(argv);
      this.server.receive(client, buf, 0, buf.length);
    }
  }

  end(): void {
    this.isDead = true;
    for (const endpoint of this.endpoints) if (!endpoint.isClosed) endpoint.close();
  }
}

const PROCESS_FACTS = {
  executable: 'replctl-server',
  configFile: '',
  pid: 1,
  tcpPort: () => 0,
  memory: () => ({ rss: 0, heapTotal: 0, heapUsed: 0 }),
  cpu: () => ({ system: 0, user: 0 }),
  totalMemoryBytes: 0,
  osName: 'simulation',
};

/** The simulation's time, as long as the process lives. */
class LifeClock implements Clock {
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #life: Life;
  #looks = 0;

  constructor({ clock, random }: FakeNetwork, life: Life) {
    this.#clock = clock;
    this.#random = random;
    this.#life = life;
  }

  now(): number {
    return this.#clock.nowMs;
  }

  monotonic(): number {
    this.#looks += 1;
    return this.#clock.nowMs + this.#looks * LOOK_MS;
  }

  after(delayMs: number, run: () => void): Timer {
    let isCancelled = false;
    this.#clock.after(delayMs, () => {
      if (!isCancelled && !this.#life.isDead) run();
    });
    return { cancel: () => void (isCancelled = true) };
  }

  every(periodMs: number, run: () => void): Timer {
    let timer = this.after(periodMs, () => again());
    const again = (): void => {
      timer = this.after(periodMs, again);
      run();
    };
    return { cancel: () => timer.cancel() };
  }

  /** A turn of the event loop takes a while, so that others get at the data between two slices of a snapshot. */
  soon(run: () => void): void {
    this.after(this.#random.between(0, 4), run);
  }
}

class EndpointTransport implements Transport {
  readonly peer = '127.0.0.1:50000';
  readonly local = '127.0.0.1:7000';
  readonly fd = -1;
  readonly isUnixSocket = false;
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get pendingBytes(): number {
    return this.#endpoint.pendingBytes;
  }

  write(bytes: Uint8Array, taken?: () => void): void {
    this.#endpoint.write(bytes, taken);
  }

  writeNow(bytes: Uint8Array, length: number): number {
    this.#endpoint.write(bytes.subarray(0, length));
    return length;
  }

  pause(): void {
    this.#endpoint.pause();
  }

  resume(): void {
    this.#endpoint.resume();
  }

  end(): void {
    this.#endpoint.end();
  }

  close(): void {
    this.#endpoint.close();
  }
}

/** The connection of a client that is told what it gets. */
class Recorder implements Transport {
  readonly peer = '127.0.0.1:50001';
  readonly local = '127.0.0.1:7000';
  readonly fd = -1;
  readonly isUnixSocket = false;
  readonly pendingBytes = 0;
  readonly #got: (bytes: Uint8Array) => void;
  #isOpen = true;

  constructor(got: (bytes: Uint8Array) => void) {
    this.#got = got;
  }

  write(bytes: Uint8Array): void {
    if (this.#isOpen) this.#got(bytes);
  }

  writeNow(bytes: Uint8Array, length: number): number {
    this.write(bytes.subarray(0, length));
    return length;
  }

  /** Never has anything under way. */
  pause(): void {}

  resume(): void {}

  end(): void {
    this.#isOpen = false;
  }

  close(): void {
    this.#isOpen = false;
  }
}

/** Brings what has no order into one: after the replies `+OK` and `*count`, elements of so many lines each. */
function sortLines(replies: string, linesEach = 0): string {
  if (linesEach === 0) return replies;
  const [ok = '', count = '', ...lines] = replies.split('\r\n');
  const elements: string[] = [];
  for (let at = 0; at < lines.length; at += linesEach)
    elements.push(lines.slice(at, at + linesEach).join(' '));
  return [ok, count, ...elements.toSorted()].join(' ');
}
