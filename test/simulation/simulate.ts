import { FakeClock } from './fake-clock.ts';
import { FakeNetwork } from './fake-network.ts';
import { Random } from './random.ts';
import type { Node, NodeParts } from './node.ts';

export type CreateNode = (parts: NodeParts) => Node;

export interface SimulationResult {
  /** What broke, or null. */
  readonly failure: string | null;
  readonly syncFull: number;
  readonly syncPartial: number;
  readonly promotions: number;
  readonly writes: number;
  readonly log: readonly string[];
}

const FIRST_PORT = 7000;

/** One run of a tree of nodes under seeded faults. The same seed gives the same run. */
export function simulate(seed: number, createNode: CreateNode): Promise<SimulationResult> {
  return new Simulation(seed, createNode).run();
}

class Simulation {
  readonly #random: Random;
  readonly #clock = new FakeClock();
  readonly #network: FakeNetwork;
  readonly #nodes: Node[] = [];
  readonly #log: string[] = [];
  readonly #lastOffset = new Map<Node, { replid: string; offset: number; fullLoads: number }>();
  /** Keys written once, never overwritten, whose WAIT was answered: they must survive. */
  readonly #acked = new Set<string>();
  #master: Node;
  #failure: string | null = null;
  #writes = 0;
  #promotions = 0;

  constructor(seed: number, createNode: CreateNode) {
    this.#random = new Random(seed);
    this.#network = new FakeNetwork(this.#clock, this.#random);
    const resolve = (port: number): Node | undefined => this.#nodes.find((node) => node.port === port);
    const log = (line: string): void => void this.#log.push(`${this.#clock.nowMs % 1_000_000} ${line}`);
    const count = this.#random.between(2, 5);
    for (let index = 0; index < count; index += 1) {
      this.#nodes.push(createNode({ port: FIRST_PORT + index, network: this.#network, resolve, log }));
    }
    const [first] = this.#nodes;
    if (first === undefined) throw new Error('a simulation needs nodes');
    this.#master = first;
  }

  async run(): Promise<SimulationResult> {
    try {
      await this.#play();
    } catch (error) {
      // What a node can't make sense of is a finding like any other, with its seed.
      this.#failure = error instanceof Error ? error.message : String(error);
    }
    return {
      failure: this.#failure,
      syncFull: this.#sum((node) => node.replication.stats.syncFull),
      syncPartial: this.#sum((node) => node.replication.stats.syncPartialOk),
      promotions: this.#promotions,
      writes: this.#writes,
      log: this.#log,
    };
  }

  async #play(): Promise<void> {
    this.#hangTree();
    const steps = this.#random.between(20, 120);
    for (let step = 0; step < steps && this.#failure === null; step += 1) {
      await this.#act();
      this.#clock.advance(this.#random.between(1, 400));
      this.#checkOffsets();
    }
    if (this.#failure === null) this.#settle();
  }

  #sum(count: (node: Node) => number): number {
    return this.#nodes.reduce((sum, node) => sum + count(node), 0);
  }

  /** Each node under one that comes before it, so chains of any depth arise and never a ring. */
  #hangTree(): void {
    this.#nodes.forEach((node, index) => {
      if (index === 0) return;
      const parent = this.#nodes[this.#random.between(0, index - 1)];
      if (parent !== undefined) node.replication.follow({ host: '127.0.0.1', port: parent.port });
    });
  }

  async #act(): Promise<void> {
    const actions: [number, () => void | Promise<void>][] = [
      [50, () => this.#write()],
      [6, () => this.#cut()],
      [2, () => this.#silence()],
      [4, () => this.#slow()],
      [4, () => this.#restartReplica()],
      [3, () => this.#rehang()],
      [3, () => this.#switchOver()],
      [2, () => this.#failOver()],
      [2, () => this.#handOver()],
      [2, () => this.#splitBrain()],
      [2, () => this.#restartMaster()],
      [2, () => this.#network.heal()],
    ];
    let ticket = this.#random.next() * actions.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, run] of actions) {
      ticket -= weight;
      if (ticket < 0) {
        await run();
        return;
      }
    }
  }

  #write(): void {
    if (!this.#master.isUp || this.#master.replication.isReplica || this.#master.isPaused) return;
    const count = this.#random.between(1, 30);
    for (let index = 0; index < count; index += 1) {
      this.#master.scribble(this.#random, () => this.#writes++);
    }
    if (this.#random.chance(0.3)) this.#writeAndWait();
  }

  /** SET unique key; WAIT for all replicas attached: once answered, no promotion of the furthest may lose it. */
  #writeAndWait(): void {
    const master = this.#master;
    const replicaCount = master.replication.replicas.size;
    if (replicaCount === 0) return;
    const key = `acked-${this.#writes++}`;
    master.writeAndWait(key, replicaCount, () => {
      if (this.#master === master) this.#acked.add(key);
    });
  }

  #cut(): void {
    const { live } = this.#network;
    if (live.length > 0) this.#network.cut(this.#random.pick(live));
  }

  #silence(): void {
    const { live } = this.#network;
    if (live.length > 0) this.#random.pick(this.#random.pick(live)).isBlackhole = true;
  }

  #slow(): void {
    const { live } = this.#network;
    if (live.length > 0) this.#random.pick(this.#random.pick(live)).speed = this.#random.between(1, 50);
  }

  #replicas(): Node[] {
    return this.#nodes.filter((node) => node !== this.#master);
  }

  async #restartReplica(): Promise<void> {
    const node = this.#random.pick(this.#replicas());
    if (!node.isUp) return;
    if (this.#random.chance(0.5)) node.stop();
    else node.crash();
    this.#clock.advance(this.#random.between(1, 3000));
    await node.start();
    if (!node.replication.isReplica) node.replication.follow({ host: '127.0.0.1', port: this.#master.port });
    this.#lastOffset.delete(node);
  }

  /** SHUTDOWN SAVE and start: replicas come back to it by the id in its RDB. */
  async #restartMaster(): Promise<void> {
    if (this.#master.replication.failover.phase !== 'no-failover') return;
    this.#master.stop();
    this.#clock.advance(this.#random.between(1, 1500));
    await this.#master.start();
    this.#lastOffset.delete(this.#master);
  }

  #isBelow(node: Node, ancestor: Node): boolean {
    let at: Node | undefined = node;
    for (let depth = 0; at !== undefined && depth < 10; depth += 1) {
      if (at === ancestor) return true;
      const port: number | undefined = at.replication.link.master?.port;
      at = this.#nodes.find((other) => other.port === port);
    }
    return false;
  }

  #rehang(): void {
    const node = this.#random.pick(this.#replicas());
    const targets = this.#nodes.filter((other) => !this.#isBelow(other, node));
    if (targets.length === 0) return;
    node.replication.follow({ host: '127.0.0.1', port: this.#random.pick(targets).port });
  }

  /** The planned switchover: fence, catch up, demote, promote. Costs nothing when all goes well. */
  #switchOver(): void {
    const old = this.#master;
    const target = this.#random.pick(this.#replicas());
    if (!target.isUp || !target.replication.isLinkUp || old.replication.isReplica) return;
    const { offset, history } = old.replication;
    for (let wait = 0; wait < 50 && target.replication.offset < offset; wait += 1) this.#clock.advance(20);
    const isCaughtUp =
      target.replication.history.replid === history.replid && target.replication.offset >= offset;
    if (!isCaughtUp) return;
    this.#promotions += 1;
    this.#log.push(`--- switchover ${old.name} -> ${target.name}`);
    target.replication.unfollow();
    old.replication.follow({ host: '127.0.0.1', port: target.port });
    this.#master = target;
    this.#reattachAncestors();
    this.#lastOffset.clear();
  }

  /** A replica is promoted while the old master goes on taking writes: those are lost, and nothing else is. */
  #splitBrain(): void {
    const old = this.#master;
    const target = this.#random.pick(this.#replicas());
    if (!target.isUp || !target.replication.isReplica || old.replication.isReplica) return;
    this.#log.push(`--- split brain ${old.name} | ${target.name}`);
    this.#promotions += 1;
    // What only the old master has was acknowledged by replicas that the promotion leaves behind.
    const isSameHistory = target.replication.history.replid === old.replication.history.replid;
    if (!isSameHistory || target.replication.offset < old.replication.offset) this.#acked.clear();
    target.replication.unfollow();
    this.#master = target;
    for (let index = this.#random.between(0, 20); index > 0; index -= 1) {
      old.write(0, ['APPEND', 'sum', 'stray;']);
      if (this.#random.chance(0.5)) this.#write();
      this.#clock.advance(this.#random.between(0, 300));
    }
    this.#reattachAncestors();
    if (!old.replication.isReplica) old.replication.follow({ host: '127.0.0.1', port: target.port });
    this.#lastOffset.clear();
  }

  /** FAILOVER: the server's own way to the same end. It may stick when the target can't be reached: then ABORT. */
  #handOver(): void {
    const old = this.#master;
    const { replication } = old;
    if (!old.isUp || replication.isReplica || replication.replicas.size === 0) return;
    this.#log.push(`--- FAILOVER on ${old.name}`);
    replication.requestFailover(null, 3000, false);
    for (let wait = 0; wait < 60 && replication.failover.phase !== 'no-failover'; wait += 1)
      this.#clock.advance(100);
    if (replication.failover.phase !== 'no-failover') replication.abortFailover();
    if (old.isPaused) this.#failure = `${old.name}: writes are still paused after FAILOVER`;
    const target = this.#nodes.find((node) => node.port === replication.link.master?.port);
    if (target === undefined) return;
    this.#promotions += 1;
    this.#master = target;
    if (target.replication.isReplica) this.#failure = `${target.name}: did not take over`;
    this.#reattachAncestors();
    this.#lastOffset.clear();
  }

  /** After a promotion from the middle of the tree nobody may be left in a ring. */
  #reattachAncestors(): void {
    for (const node of this.#replicas()) {
      if (!this.#isBelow(node, this.#master)) {
        node.replication.follow({ host: '127.0.0.1', port: this.#master.port });
      }
    }
  }

  /** The master is dead: the furthest of its history takes over, and the rest hang themselves below it. */
  async #failOver(): Promise<void> {
    const { replid } = this.#master.replication.history;
    const able = this.#replicas()
      // Whose own parent died may be the furthest all the same.
      .filter((node) => node.isUp && node.replication.history.replid === replid)
      .sort((a, b) => b.replication.offset - a.replication.offset);
    const [target] = able;
    const old = this.#master;
    if (target === undefined || old.replication.isReplica) return;
    this.#log.push(`--- failover ${old.name} -> ${target.name}`);
    this.#promotions += 1;
    old.crash();
    this.#clock.advance(this.#random.between(100, 2000));
    // Bytes on their way may have put another ahead meanwhile.
    const furthest = able
      .filter((node) => node.isUp && node.replication.history.replid === replid)
      .sort((a, b) => b.replication.offset - a.replication.offset)[0];
    const next = furthest ?? target;
    next.replication.unfollow();
    this.#master = next;
    for (const node of this.#replicas()) {
      if (node !== old) node.replication.follow({ host: '127.0.0.1', port: next.port });
    }
    old.forget();
    await old.start();
    old.replication.follow({ host: '127.0.0.1', port: next.port });
    this.#lastOffset.clear();
  }

  /** Within one history the offset never goes back, but by a full resync from a node that is behind. */
  #checkOffsets(): void {
    for (const node of this.#nodes) {
      if (!node.isUp) continue;
      const { offset, history } = node.replication;
      const last = this.#lastOffset.get(node);
      if (last?.replid === history.replid && last.fullLoads === node.fullLoads && offset < last.offset) {
        this.#failure = `${node.name}: offset went back from ${last.offset} to ${offset}`;
      }
      this.#lastOffset.set(node, { replid: history.replid, offset, fullLoads: node.fullLoads });
    }
  }

  /** Faults end; writes end; the tree must become one. */
  #settle(): void {
    this.#network.heal();
    this.#clock.advance(60_000);
    this.#write();
    this.#awaitQuiet();
    const { replication } = this.#master;
    const wanted = this.#master.digest();
    for (const node of this.#nodes) {
      const own = node.replication;
      if (node !== this.#master && !own.isLinkUp) this.#failure ??= `${node.name}: link is ${own.link.phase}`;
      if (own.history.replid !== replication.history.replid)
        this.#failure ??= `${node.name}: another history`;
      if (own.offset !== replication.offset)
        this.#failure ??= `${node.name}: at ${own.offset} of ${replication.offset}`;
      if (node.digest() !== wanted) this.#failure ??= `${node.name}: other data than the master`;
    }
    for (const key of this.#acked) {
      if (this.#master.get(0, key) !== '1') this.#failure ??= `${key} was acknowledged and is lost`;
    }
    if (this.#failure === null) this.#checkPartialResync();
  }

  /** PINGs never end, so quiet is a moment to be caught. */
  #awaitQuiet(): void {
    this.#clock.advance(100);
    for (let round = 0; round < 600 && !this.#isQuiet(); round += 1) this.#clock.advance(90);
  }

  #isQuiet(): boolean {
    const { replication } = this.#master;
    return this.#nodes.every(
      (node) =>
        (node === this.#master || node.replication.isLinkUp) &&
        node.replication.offset === replication.offset,
    );
  }

  /** In peace a cut link never costs more than a partial resync, and a switchover none at all but partial ones. */
  #checkPartialResync(): void {
    const before = this.#sum((node) => node.replication.stats.syncFull);
    for (const pair of this.#network.live) this.#network.cut(pair);
    this.#clock.advance(100);
    this.#write();
    this.#awaitQuiet();
    const [target] = this.#replicas();
    if (target !== undefined && this.#isQuiet()) {
      const old = this.#master;
      old.replication.follow({ host: '127.0.0.1', port: target.port });
      target.replication.unfollow();
      this.#master = target;
      this.#reattachAncestors();
      this.#clock.advance(5000);
      this.#write();
      this.#awaitQuiet();
    }
    const after = this.#sum((node) => node.replication.stats.syncFull);
    if (after !== before) this.#failure = `${after - before} full resyncs where partial ones were due`;
    else if (!this.#isQuiet()) this.#failure = 'not quiet after a cut and a switchover';
    else {
      const wanted = this.#master.digest();
      for (const node of this.#nodes) {
        if (node.digest() !== wanted) this.#failure ??= `${node.name}: other data after a partial resync`;
      }
    }
  }
}
