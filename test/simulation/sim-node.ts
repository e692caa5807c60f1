import type {
  DatasetEvents,
  DatasetSink,
  SnapshotRun,
  SnapshotSink,
  StreamApplier,
  StreamPosition,
} from '../../src/server/replication/ports.ts';
import type { ReplicaSession } from '../../src/server/replication/replica-session.ts';
import type { LinkMaster } from '../../src/server/replication/replica-link.ts';
import { encodeCommand } from '../../src/server/replication/master-link.ts';
import { Replication } from '../../src/server/replication/replication.ts';
import { DEFAULT_REPLICATION_SETTINGS } from '../../src/server/replication/replication-settings.ts';
import { dial, type Life } from './dial.ts';
import type { Endpoint } from './fake-network.ts';
import { MemorySpool } from './memory-spool.ts';
import type { Node, NodeParts } from './node.ts';
import type { Random } from './random.ts';
import { readCommands, TinyDataset } from './tiny-dataset.ts';

const SLICE_BYTES = 200;
const KEYS = 12;

/** One process: what is in here is gone after a crash. */
class Process implements Life {
  readonly replication: Replication;
  readonly data = new TinyDataset();
  readonly endpoints = new Set<Endpoint>();
  isDead = false;
  readonly #node: SimNode;

  constructor(node: SimNode) {
    this.#node = node;
    const { settings, parts } = node;
    const { clock, random } = parts.network;
    const applier = new TinyApplier(this.data, () => this.replication.sendAck());
    this.replication = new Replication({
      now: () => clock.nowMs,
      drawId: () => random.hex(40),
      log: (level, text) => {
        if (!this.isDead) parts.log(`${node.name} ${level} ${text}`);
      },
      settings: () => settings,
      connect: (master, events) => dial(parts, this, master.port, events),
      snapshots: {
        isCommon: () => true,
        start: (position, _filter, sink) => this.#snapshot(position, sink),
      },
      createSpool: () => new MemorySpool(),
      receiver: { begin: (events) => this.#receive(events) },
      applier,
      received: () => undefined,
      requestFlush: () => {
        clock.after(0, () => {
          if (!this.isDead) this.replication.flush();
        });
      },
      pauseWrites: (isPaused) => {
        node.isPaused = isPaused;
      },
      fsyncedOffset: () => null,
      masterChanged: () => this.replication.waiters.clear(),
      stateChanged: () => undefined,
    });
    const tick = (): void => {
      if (this.isDead) return;
      this.replication.tick();
      clock.after(1000, tick);
    };
    clock.after(random.between(1, 1000), tick);
  }

  write(db: number, args: readonly string[]): void {
    this.data.apply(db, args);
    this.replication.propagate(db, encodeCommand(args));
  }

  transact(db: number, commands: readonly (readonly string[])[]): void {
    this.replication.propagate(db, encodeCommand(['MULTI']));
    for (const args of commands) this.write(db, args);
    this.replication.propagate(db, encodeCommand(['EXEC']));
  }

  /** A connection another node made to us. */
  accept(endpoint: Endpoint, peer: string): void {
    this.endpoints.add(endpoint);
    let session: ReplicaSession | null = null;
    let buffered = Buffer.alloc(0);
    const { clock } = this.#node.parts.network;
    endpoint.listen({
      data: (chunk) => {
        if (this.isDead) return;
        buffered = Buffer.concat([buffered, chunk]);
        const commands = readCommands(buffered);
        buffered = buffered.subarray(commands.reduce((sum, { length }) => sum + length, 0));
        for (const { args } of commands) {
          if (args.length === 0) {
            session?.heard(clock.nowMs);
            continue;
          }
          session ??= this.replication.openSession(1, endpoint, peer);
          this.#serve(session, endpoint, args);
        }
      },
      drain: () => {
        if (!this.isDead && session !== null) this.replication.drained(session);
      },
      closed: () => {
        if (!this.isDead && session !== null) this.replication.closeSession(session);
      },
    });
  }

  #serve(session: ReplicaSession, endpoint: Endpoint, args: readonly string[]): void {
    const [name, first = '', second = '', third = ''] = args;
    const reply = (text: string): void => endpoint.write(Buffer.from(`${text}\r\n`));
    if (name === 'PING') reply('+PONG');
    else if (name === 'REPLCONF' && first === 'ACK')
      this.replication.acknowledge(session, Number(second), null);
    else if (name === 'REPLCONF') {
      if (first === 'listening-port') session.listeningPort = Number(second);
      if (args.includes('eof')) session.canEof = this.#node.canEof;
      if (args.includes('psync2')) session.canPsync2 = true;
      reply('+OK');
    } else if (name === 'PSYNC') {
      const refusal = this.replication.psync(session, first, Number(second), third === 'FAILOVER');
      if (refusal !== null) reply(`-${refusal}`);
    }
  }

  /** Taken at once, handed out in slices while writes go on. */
  #snapshot(position: StreamPosition, sink: SnapshotSink): SnapshotRun {
    const { clock, random } = this.#node.parts.network;
    const image = Buffer.concat([Buffer.from(`${position.streamDb};`), this.data.dump()]);
    let from = 0;
    let isPaused = false;
    let isOver = false;
    const step = (): void => {
      if (isPaused || isOver || this.isDead) return;
      if (random.chance(0.002)) {
        isOver = true;
        sink.fail('disk full');
        return;
      }
      if (from >= image.length) {
        isOver = true;
        sink.end();
        return;
      }
      sink.write(image.subarray(from, from + SLICE_BYTES), () => undefined);
      from += SLICE_BYTES;
      clock.after(random.between(0, 5), step);
    };
    clock.after(0, step);
    return {
      pause: () => {
        isPaused = true;
      },
      resume: () => {
        isPaused = false;
        clock.after(0, step);
      },
      abort: () => {
        isOver = true;
      },
    };
  }

  #receive(events: DatasetEvents): DatasetSink {
    const { clock, random } = this.#node.parts.network;
    const chunks: Buffer[] = [];
    let isAborted = false;
    return {
      write: (chunk) => void chunks.push(Buffer.from(chunk)),
      abort: () => {
        isAborted = true;
      },
      end: () => {
        clock.after(random.between(0, 50), () => {
          if (isAborted || this.isDead) return;
          events.replacing();
          this.data.clear();
          events.progress();
          clock.after(random.between(0, 50), () => {
            if (isAborted || this.isDead) return;
            const image = Buffer.concat(chunks);
            const cut = image.indexOf(';');
            this.data.load(image.subarray(cut + 1));
            this.#node.fullLoads += 1;
            events.loaded(Number(image.toString('latin1', 0, cut)));
          });
        });
      },
    };
  }
}

/** Replication alone, over data just big enough to show what it lost: thousands of runs a minute. */
export class SimNode implements Node {
  readonly name: string;
  readonly port: number;
  readonly parts: NodeParts;
  readonly settings: typeof DEFAULT_REPLICATION_SETTINGS;
  readonly canEof: boolean;
  isPaused = false;
  fullLoads = 0;
  #process: Process;
  #saved: { image: Buffer; position: StreamPosition | null; master: LinkMaster | null } | null = null;

  constructor(parts: NodeParts) {
    const { port, network } = parts;
    this.name = `n${port}`;
    this.port = port;
    this.parts = parts;
    this.canEof = network.random.chance(0.7);
    this.settings = {
      ...DEFAULT_REPLICATION_SETTINGS,
      backlogSizeBytes: 16 * 1024,
      timeoutMs: 5000,
      pingPeriodSeconds: 1,
      isDiskless: network.random.chance(0.5),
      disklessDelayMs: network.random.pick([0, 1000]),
      announcePort: port,
    };
    this.#process = new Process(this);
  }

  get replication(): Replication {
    return this.#process.replication;
  }

  get isUp(): boolean {
    return !this.#process.isDead;
  }

  accept(endpoint: Endpoint): void {
    this.#process.accept(endpoint, '127.0.0.1');
  }

  get(db: number, key: string): string | undefined {
    return this.#process.data.get(db, key);
  }

  digest(): string {
    return this.#process.data.digest();
  }

  write(db: number, args: readonly string[]): void {
    this.#process.write(db, args);
  }

  writeAndWait(key: string, replicaCount: number, acknowledged: () => void): void {
    this.write(0, ['SET', key, '1']);
    const { replication } = this;
    replication.waiters.add({
      kind: 'applied',
      offset: replication.offset,
      replicaCount,
      needsLocalFsync: false,
      settle: acknowledged,
      refuse: () => undefined,
    });
    replication.requestAcks();
  }

  scribble(random: Random, serial: () => number): void {
    const db = random.chance(0.2) ? random.between(0, 3) : 0;
    const key = `k${random.between(0, KEYS)}`;
    const value = `${serial()};`.repeat(random.chance(0.05) ? 300 : 1);
    const name = random.pick(['SET', 'APPEND', 'APPEND', 'DEL']);
    if (random.chance(0.1)) {
      // A transaction travels as MULTI … EXEC and is applied as one.
      this.#process.transact(db, [
        [name, key, value],
        ['APPEND', 'sum', `${serial()};`],
      ]);
    } else this.write(db, name === 'DEL' ? [name, key] : [name, key, value]);
  }

  forget(): void {
    this.#saved = null;
  }

  stop(): void {
    const { replication, data } = this.#process;
    this.#saved = {
      image: data.dump(),
      position: replication.savePosition(),
      master: replication.link.master,
    };
    this.crash();
  }

  crash(): void {
    this.parts.log(`${this.name} goes down`);
    this.#process.isDead = true;
    // The conf file is rewritten with every REPLICAOF, the RDB is not.
    if (this.#saved !== null) this.#saved = { ...this.#saved, master: this.replication.link.master };
    for (const endpoint of this.#process.endpoints) {
      if (!endpoint.isClosed) endpoint.close();
    }
  }

  start(): Promise<void> {
    this.parts.log(`${this.name} comes up`);
    this.#process = new Process(this);
    const saved = this.#saved;
    if (saved === null) return Promise.resolve();
    this.#process.data.load(saved.image);
    const willBeReplica = saved.master !== null;
    if (saved.position !== null) this.replication.restore(saved.position, willBeReplica);
    if (saved.master !== null) this.replication.followAtStart(saved.master);
    return Promise.resolve();
  }
}

/** Executes a master's stream: SELECT, MULTI/EXEC as one step, GETACK. */
class TinyApplier implements StreamApplier {
  appliedOffset = 0;
  selectedDb = 0;
  readonly #data: TinyDataset;
  readonly #sendAck: () => void;
  #buffered = Buffer.alloc(0);

  constructor(data: TinyDataset, sendAck: () => void) {
    this.#data = data;
    this.#sendAck = sendAck;
  }

  restart(offset: number, db: number | null): void {
    this.appliedOffset = offset;
    this.#buffered = Buffer.alloc(0);
    if (db !== null) this.selectedDb = db;
  }

  feed(chunk: Uint8Array): number {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    let transaction: string[][] | null = null;
    let held = 0;
    for (const { args, length } of readCommands(this.#buffered)) {
      held += length;
      if (args[0] === 'MULTI') transaction = [];
      else if (args[0] === 'EXEC') {
        for (const queued of transaction ?? []) this.#run(queued);
        transaction = null;
      } else if (transaction === null) this.#run(args);
      else transaction.push(args);
      if (transaction !== null) continue;
      this.appliedOffset += held;
      this.#buffered = this.#buffered.subarray(held);
      held = 0;
    }
    return this.appliedOffset;
  }

  #run(args: readonly string[]): void {
    if (args[0] === 'SELECT') this.selectedDb = Number(args[1]);
    else if (args[0] === 'REPLCONF') this.#sendAck();
    else this.#data.apply(this.selectedDb, args);
  }
}
