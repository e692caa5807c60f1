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
import type { Endpoint, FakeNetwork } from './fake-network.ts';
import { readCommands, TinyDataset } from './tiny-dataset.ts';

const SLICE_BYTES = 200;

/** One process: what is in here is gone after a crash. */
class Process {
  readonly replication: Replication;
  readonly data = new TinyDataset();
  readonly endpoints = new Set<Endpoint>();
  isDead = false;
  readonly #node: SimNode;

  constructor(node: SimNode) {
    this.#node = node;
    const { network, settings, log } = node;
    const { clock, random } = network;
    const applier = new TinyApplier(this.data, () => this.replication.sendAck());
    this.replication = new Replication({
      now: () => clock.nowMs,
      drawId: () => random.hex(40),
      log: (level, text) => {
        if (!this.isDead) log(`${node.name} ${level} ${text}`);
      },
      settings: () => settings,
      connect: (master, events) => node.connect(this, master, events),
      snapshots: {
        start: (position, _filter, sink) => this.#snapshot(position, sink),
      },
      createSpool: () => new TinySpool(),
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
    const { clock } = this.#node.network;
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
    const { clock, random } = this.#node.network;
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
      sink.write(image.subarray(from, from + SLICE_BYTES));
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
    const { clock, random } = this.#node.network;
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

/** A node that can be stopped, crashed and started again, keeping its place by what its RDB carries. */
export class SimNode {
  readonly name: string;
  readonly port: number;
  readonly network: FakeNetwork;
  readonly settings: typeof DEFAULT_REPLICATION_SETTINGS;
  readonly log: (line: string) => void;
  readonly canEof: boolean;
  isPaused = false;
  /** Full resyncs taken in: the only thing that may set an offset back. */
  fullLoads = 0;
  readonly #resolve: (port: number) => SimNode | undefined;
  #process: Process;
  #saved: { image: Buffer; position: StreamPosition | null; master: LinkMaster | null } | null = null;

  constructor(
    port: number,
    network: FakeNetwork,
    resolve: (port: number) => SimNode | undefined,
    log: (line: string) => void,
  ) {
    this.name = `n${port}`;
    this.port = port;
    this.network = network;
    this.#resolve = resolve;
    this.log = log;
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

  get data(): TinyDataset {
    return this.#process.data;
  }

  get isUp(): boolean {
    return !this.#process.isDead;
  }

  write(db: number, args: readonly string[]): void {
    this.#process.write(db, args);
  }

  /** A transaction travels as MULTI … EXEC and is applied as one. */
  replicateTransaction(db: number, commands: readonly (readonly string[])[]): void {
    this.#process.transact(db, commands);
  }

  /** The disk is gone with what was saved. */
  forget(): void {
    this.#saved = null;
  }

  /** SHUTDOWN SAVE: the RDB carries id and offset; the conf file carries the master. */
  stop(): void {
    const { replication, data } = this.#process;
    this.#saved = {
      image: data.dump(),
      position: replication.savePosition(),
      master: replication.link.master,
    };
    this.crash();
  }

  /** kill -9: what was not saved is lost; connections break. */
  crash(): void {
    this.log(`${this.name} goes down`);
    this.#process.isDead = true;
    // The conf file is rewritten with every REPLICAOF, the RDB is not.
    if (this.#saved !== null) this.#saved = { ...this.#saved, master: this.replication.link.master };
    for (const endpoint of this.#process.endpoints) {
      if (!endpoint.isClosed) endpoint.close();
    }
  }

  start(): void {
    this.log(`${this.name} comes up`);
    this.#process = new Process(this);
    const saved = this.#saved;
    if (saved === null) return;
    this.#process.data.load(saved.image);
    const willBeReplica = saved.master !== null;
    if (saved.position !== null) this.replication.restore(saved.position, willBeReplica);
    if (saved.master !== null) this.replication.followAtStart(saved.master);
  }

  connect(
    from: Process,
    master: LinkMaster,
    events: { opened(): void; data(chunk: Buffer): void; closed(reason: string): void },
  ): Endpoint {
    const [ours, theirs] = this.network.connect();
    from.endpoints.add(ours);
    const { clock } = this.network;
    const isAlive = (): boolean => !from.isDead && !ours.isClosed;
    ours.listen({
      data: (chunk) => {
        if (!from.isDead) events.data(chunk);
      },
      drain: () => undefined,
      closed: (reason) => {
        if (!from.isDead) events.closed(reason);
      },
    });
    clock.after(this.network.latencyMs(), () => {
      if (!isAlive()) return;
      const target = this.#resolve(master.port);
      if (target === undefined || !target.isUp) {
        ours.breakOff('connection refused');
        return;
      }
      target.#process.accept(theirs, '127.0.0.1');
      events.opened();
    });
    return ours;
  }
}

class TinySpool {
  #bytes = Buffer.alloc(0);

  get lengthBytes(): number {
    return this.#bytes.length;
  }

  write(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  read(offset: number, maxBytes: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + maxBytes);
  }

  discard(): void {
    this.#bytes = Buffer.alloc(0);
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
