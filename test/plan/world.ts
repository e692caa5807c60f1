import { forksIn, withForks, type Lineage } from '../../src/plan/lineage.ts';
import type { DataAtRest, DownNodeView, LiveView, NodeView } from '../../src/plan/live-view.ts';
import type { Step } from '../../src/plan/step.ts';
import { childrenOf, type Tree } from '../../src/plan/tree.ts';

/** One byte of a replication stream: a write with its number, or a PING. */
type Entry = number | 'ping';

interface Server {
  isAlive: boolean;
  role: 'master' | 'replica';
  parent: string | null;
  isLinkUp: boolean;
  replid: string;
  replid2: string;
  secondOffset: number;
  /** Everything applied since the beginning of its history; its length is the offset. */
  log: Entry[];
  backlogFirst: number | null;
  isPaused: boolean;
  pingsRaised: boolean;
  priority: number;
  fullSyncs: number;
  partialSyncs: number;
  /** Whom its conf file says to follow. */
  confParent: string | null;
  /** Whether it was stopped and saved all it had. */
  hasSavedAll: boolean;
  /** What a save left: null when there is nothing on disk. */
  disk: { replid: string; log: Entry[] } | null;
}

const BACKLOG_SIZE = 1_000_000;

/** A deterministic source of small integers. */
export type Dice = (sides: number) => number;

/**
 * A replication world on paper: the rules of PSYNC2, streams cut into bytes, and nothing else. `dice` decides who
 * gets on by how much between two steps.
 */
export class World {
  readonly servers = new Map<string, Server>();
  readonly acked: number[] = [];
  /** Most writable nodes seen at once. */
  mostWritable = 0;
  writesEnabled = true;
  /** What the tool has on record; it learns of forks when it looks, and when it starts or promotes a master. */
  private lineage: Lineage = [];
  private nextWrite = 1;
  private nextId = 1;
  private readonly dice: Dice;

  constructor(tree: Tree, dice: Dice) {
    this.dice = dice;
    for (const [id, parent] of tree) this.servers.set(id, this.newServer(parent));
    for (let round = 0; round < tree.size + 1; round++) this.settle();
  }

  get fullSyncs(): number {
    return this.sum((server) => server.fullSyncs);
  }

  server(id: string): Server {
    const server = this.servers.get(id);
    if (server === undefined) throw new Error(`no server ${id}`);
    return server;
  }

  add(id: string): void {
    this.servers.set(id, { ...this.newServer(null), isAlive: false, disk: null });
  }

  /** Waits for the replicas that are linked to have everything (server.c, isReadyToShutdown). */
  private shutDown(id: string, saves: boolean): void {
    this.server(id).isPaused = true;
    const children = childrenOf(this.linkedTree(), id);
    if (saves) for (const child of children) this.pump(child, Number.MAX_SAFE_INTEGER);
    this.kill(id, saves);
  }

  kill(id: string, saves: boolean): void {
    const server = this.server(id);
    server.hasSavedAll = saves;
    // Of the two ids a file keeps the first (rdb.c, rdbSaveInfoAuxFields).
    server.disk = saves ? { replid: server.replid, log: [...server.log] } : server.disk;
    server.isAlive = false;
    server.isPaused = false;
    server.pingsRaised = false;
    server.isLinkUp = false;
    for (const child of childrenOf(this.tree(), id)) this.server(child).isLinkUp = false;
  }

  /** What the dying tool leaves behind heals by itself only where a lease ends. */
  endLeases(): void {
    for (const server of this.servers.values()) server.isPaused = false;
  }

  /** Random traffic: writes, PINGs, and links that pass on some of what they have. */
  live(): void {
    for (let round = this.dice(6); round > 0; round--) {
      for (const [id, server] of this.servers) {
        if (this.writesEnabled && isWritable(server) && this.dice(2) === 0) this.write(server);
        if (server.isAlive && server.role === 'master' && !server.pingsRaised && this.dice(4) === 0) {
          if (childrenOf(this.linkedTree(), id).length > 0) server.log.push('ping');
        }
        // A replica tries to connect once a second, a stream flows all the time.
        if (this.server(id).isLinkUp || this.dice(8) === 1) this.pump(id, this.dice(4));
      }
      this.watch();
    }
  }

  /** Everything in flight arrives. */
  settle(): void {
    for (let round = 0; round <= this.servers.size; round++) {
      for (const id of this.servers.keys()) this.pump(id, Number.MAX_SAFE_INTEGER);
    }
    this.watch();
  }

  view(): LiveView {
    const nodes = new Map([...this.servers].map(([id, server]) => [id, this.viewOf(server)]));
    this.lineage = withForks(this.lineage, forksIn({ nodes }));
    return { nodes, lineage: this.lineage };
  }

  run(step: Step): void {
    switch (step.kind) {
      case 'start-node':
        if (this.server(step.node).confParent !== step.parent)
          throw new Error(`${step.node} has another conf`);
        this.start(step.node, step.parent);
        this.view();
        break;
      case 'restart-node': {
        this.shutDown(step.node, true);
        this.start(step.node, step.parent);
        break;
      }
      case 'stop-node':
        this.shutDown(step.node, step.save);
        break;
      case 'rehang':
        if (step.how === 'freeze') {
          const { log } = this.cut(step.node);
          this.until(
            `${step.to} at ${step.node}'s offset`,
            () => this.server(step.to).log.length >= log.length,
          );
        }
        this.replicaOf(step.node, step.to);
        this.until(`${step.node} linked`, () => this.server(step.node).isLinkUp);
        break;
      case 'wait-ready':
        this.until('ready', () => step.nodes.every((id) => this.isReady(id)));
        break;
      case 'raise-ping-period':
        this.server(step.node).pingsRaised = true;
        break;
      case 'fence':
        this.server(step.node).isPaused = true;
        break;
      case 'catch-up': {
        const wanted = this.server(step.master).log.length;
        this.until('caught up', () => this.server(step.node).log.length >= wanted);
        break;
      }
      case 'demote':
        this.replicaOf(step.node, step.to);
        break;
      case 'promote':
      case 'promote-forced':
        this.promote(step.node);
        this.view();
        break;
      case 'verify-link':
        this.until('link', () => this.server(step.node).isLinkUp);
        break;
      case 'unfence':
        this.server(step.node).isPaused = false;
        this.server(step.node).pingsRaised = false;
        break;
      case 'prove-dead':
        if (this.server(step.node).isAlive) throw new Error(`${step.node} lives`);
        break;
      case 'render-conf':
        this.server(step.node).confParent = step.parent;
        break;
      case 'remove-node-files':
      case 'config-set':
      case 'fence-dead':
      case 'canary':
      case 'save-declaration':
        break;
    }
    this.watch();
  }

  tree(): Map<string, string | null> {
    return new Map(
      [...this.servers].flatMap(([id, { isAlive, parent }]) => (isAlive ? [[id, parent] as const] : [])),
    );
  }

  start(id: string, parent: string | null): void {
    const server = this.server(id);
    if (server.isAlive) throw new Error(`${id} runs already`);
    const fresh = this.newServer(parent);
    const { disk, priority, fullSyncs } = server;
    if (disk === null) fresh.log = [];
    else {
      Object.assign(fresh, { ...disk, log: [...disk.log] });
      fresh.backlogFirst = disk.log.length + 1;
      if (parent === null) this.shiftId(fresh);
    }
    this.servers.set(id, { ...fresh, disk, priority, fullSyncs });
  }

  replicaOf(id: string, parent: string): void {
    const server = this.server(id);
    this.assertNoRing(id, parent);
    server.role = 'replica';
    server.parent = parent;
    server.confParent = parent;
    server.isLinkUp = false;
    server.backlogFirst ??= server.log.length + 1;
  }

  promote(id: string): void {
    const server = this.server(id);
    if (server.role === 'master') return;
    server.role = 'master';
    server.parent = null;
    server.confParent = null;
    server.isLinkUp = false;
    this.shiftId(server);
    for (const child of childrenOf(this.tree(), id)) this.server(child).isLinkUp = false;
  }

  write(server: Server): void {
    server.log.push(this.nextWrite);
    this.acked.push(this.nextWrite++);
  }

  isReady(id: string): boolean {
    const server = this.server(id);
    if (!server.isAlive) return false;
    if (server.role === 'master') return true;
    const root = this.rootOf(id);
    return (
      server.isLinkUp &&
      root !== null &&
      server.replid === root.replid &&
      server.log.length >= root.log.length - 8
    );
  }

  private rootOf(id: string): Server | null {
    let server = this.server(id);
    for (let hops = 0; hops <= this.servers.size; hops++) {
      if (server.parent === null) return server;
      server = this.server(server.parent);
    }
    return null;
  }

  private cut(id: string): Server {
    const server = this.server(id);
    server.isLinkUp = false;
    server.parent = null;
    server.role = 'replica';
    return server;
  }

  /** Two nodes may follow each other between demotion and promotion; any longer ring is a planner's mistake. */
  private assertNoRing(id: string, parent: string): void {
    const tree = this.tree();
    for (let at: string | null = tree.get(parent) ?? null; at !== null; at = tree.get(at) ?? null) {
      if (at === id && this.server(id).role !== 'master') throw new Error(`ring: ${id} under ${parent}`);
      if (at === id) return;
    }
  }

  private until(what: string, condition: () => boolean): void {
    for (let round = 0; round < 2000; round++) {
      if (condition()) return;
      this.live();
    }
    throw new Error(`never: ${what}`);
  }

  /** One look at a link: connect when it is down, else pass on at most `bytes`. */
  private pump(id: string, bytes: number): void {
    const server = this.server(id);
    if (!server.isAlive || server.parent === null) return;
    const parent = this.server(server.parent);
    if (!parent.isAlive || (parent.role === 'replica' && !parent.isLinkUp && !this.isFollowing(parent, id))) {
      server.isLinkUp = false;
      return;
    }
    if (!server.isLinkUp) {
      this.psync(server, parent, id);
      return;
    }
    const from = server.log.length;
    server.log.push(...parent.log.slice(from, Math.min(parent.log.length, from + bytes)));
  }

  private isFollowing(server: Server, id: string): boolean {
    return server.parent === id;
  }

  private psync(child: Server, parent: Server, id: string): void {
    const wanted = child.log.length + 1;
    const knows =
      child.replid === parent.replid || (child.replid === parent.replid2 && wanted <= parent.secondOffset);
    const first = parent.backlogFirst;
    const reaches =
      first !== null &&
      wanted >= Math.max(first, parent.log.length - BACKLOG_SIZE + 1) &&
      wanted <= parent.log.length + 1;
    parent.backlogFirst ??= parent.log.length + 1;
    if (knows && reaches) {
      if (child.replid !== parent.replid) {
        child.replid2 = child.replid;
        child.secondOffset = wanted;
        child.replid = parent.replid;
        for (const below of childrenOf(this.tree(), id)) this.server(below).isLinkUp = false;
      }
      child.partialSyncs++;
      if (child.log.some((entry, index) => entry !== parent.log[index]))
        throw new Error('continued on other bytes');
    } else {
      child.log = [...parent.log];
      child.replid = parent.replid;
      child.replid2 = '';
      child.secondOffset = -1;
      child.backlogFirst = child.log.length + 1;
      child.fullSyncs++;
      for (const below of childrenOf(this.tree(), id)) this.server(below).isLinkUp = false;
    }
    child.isLinkUp = true;
  }

  private shiftId(server: Server): void {
    server.replid2 = server.replid;
    server.secondOffset = server.log.length + 1;
    server.replid = this.newReplid();
  }

  private newReplid(): string {
    return `id${this.nextId++}`;
  }

  private newServer(parent: string | null): Server {
    return {
      isAlive: true,
      role: parent === null ? 'master' : 'replica',
      parent,
      isLinkUp: false,
      replid: this.newReplid(),
      replid2: '',
      secondOffset: -1,
      log: [],
      backlogFirst: null,
      isPaused: false,
      pingsRaised: false,
      priority: 100,
      fullSyncs: 0,
      partialSyncs: 0,
      confParent: parent,
      hasSavedAll: false,
      disk: null,
    };
  }

  private linkedTree(): Map<string, string | null> {
    return new Map(
      [...this.servers].flatMap(([id, { isAlive, isLinkUp, parent }]) =>
        isAlive && isLinkUp ? [[id, parent] as const] : [],
      ),
    );
  }

  private watch(): void {
    this.mostWritable = Math.max(this.mostWritable, [...this.servers.values()].filter(isWritable).length);
  }

  private sum(figure: (server: Server) => number): number {
    return [...this.servers.values()].reduce((total, server) => total + figure(server), 0);
  }

  private viewOf(server: Server): NodeView {
    if (!server.isAlive) {
      const data =
        server.disk === null
          ? ({ kind: 'none' } as const)
          : ({
              kind: 'known',
              replid: server.disk.replid,
              offset: server.disk.log.length,
            } as const);
      return downNode(data, server.hasSavedAll);
    }
    const { role, parent, isLinkUp, replid, replid2, secondOffset, log, backlogFirst, priority } = server;
    return {
      kind: 'live',
      role,
      parent,
      parentAddress: parent,
      isLinkUp,
      isLoading: false,
      keys: log.filter((entry) => entry !== 'ping').length,
      hasOwnWrites: role === 'master' && (secondOffset < 0 ? log.length > 0 : log.length >= secondOffset),
      priority,
      version: [7, 0, 15],
      pingPeriodS: 10,
      minReplicas: 0,
      isOurs: true,
      holder: { pid: 1, command: 'redis-server' },
      runId: 'run',
      history: {
        replid,
        replid2,
        secondOffset,
        offset: log.length,
        backlog:
          backlogFirst === null
            ? null
            : { firstByte: backlogFirst, length: log.length - backlogFirst + 1, size: BACKLOG_SIZE },
      },
    };
  }
}

function isWritable(server: Server): boolean {
  return server.isAlive && server.role === 'master' && !server.isPaused;
}

/** A node that was stopped in order, or died: nobody has its port. */
export function downNode(data: DataAtRest, hasSavedAll: boolean): DownNodeView {
  return {
    kind: 'down',
    port: 'free',
    said: 'refused',
    isOurs: false,
    isBusy: false,
    holder: null,
    hasSavedAll,
    data,
  };
}
