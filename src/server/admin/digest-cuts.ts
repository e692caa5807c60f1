import type { Client } from '../command/client.ts';
import type { PsyncPosition } from '../replication/replica-link.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { Server } from '../server.ts';
import { DigestCut, type DigestScope } from './digest-cut.ts';

/** How long one slice may keep the server from its clients; as long it rests after it. */
const SLICE_MS = 1;
/** A digest that nobody asks for is dropped. */
const MOST_IDLE_MS = 60_000;
const MOST_CLIENTS = 8;
/** Text of the PING that marks a cut in the stream: `replctl-cut:<id>:<Unix ms>`. */
const MARK = /^replctl-cut:([0-9a-f]{1,40}):(\d{1,16})$/;

const IN_TRANSACTION = new ReplyError('ERR DEBUG DIGEST-CUT is not for transactions');
const PAUSED = new ReplyError('ERR No writes are taken now, so nothing is put into the stream');
const NO_LINK = new ReplyError('ERR No digest at a cut without a replication link');
const TOO_MANY = new ReplyError('ERR Too many clients hold a digest');

/** One client's digest: waiting for its mark until it is taken. */
export interface HeldCut {
  readonly id: string;
  readonly scope: DigestScope;
  askedAtMs: number;
  taken: { readonly position: PsyncPosition; readonly digest: DigestCut } | undefined;
}

/**
 * Digests of all data at one point of the replication stream, to be compared between nodes while writes go on. A
 * master takes it at once and marks the place in its stream; a replica that was told before takes it where it meets
 * the mark, and passes that on. The mark is a PING with a text, which is nothing to every version of every engine.
 */
export class DigestCuts {
  readonly #cuts = new Map<Client, HeldCut>();

  attach(server: Server): void {
    server.markMet = (text) => this.#meet(server, text);
    server.onGone.push((client) => this.#drop(client));
    server.onTick.push(() => this.#dropIdle(server.now));
  }

  /** Takes a digest now (a master) or where the mark of this id comes (a replica). A client has one at a time. */
  begin(client: Client, id: string, scope: DigestScope): void {
    const { server } = client;
    const { replication, now } = server;
    if (server.propagation.isOpen) throw IN_TRANSACTION;
    if (replication === undefined || (replication.isReplica && !replication.isLinkUp)) throw NO_LINK;
    this.#drop(client);
    if (this.#cuts.size >= MOST_CLIENTS) throw TOO_MANY;
    const cut: HeldCut = { id, scope, askedAtMs: now, taken: undefined };
    if (!replication.isReplica) {
      // Who fences writes waits for replicas to reach an offset that must not move on.
      if (server.pause.isPaused || !replication.hasEnoughReplicas) throw PAUSED;
      this.#take(server, cut, replication.mark(`replctl-cut:${id}:${now}`), now);
    }
    this.#cuts.set(client, cut);
  }

  find(client: Client): HeldCut | undefined {
    const cut = this.#cuts.get(client);
    if (cut !== undefined) cut.askedAtMs = client.server.now;
    return cut;
  }

  /** The master's stream says that the cut is here. */
  #meet(server: Server, text: string): void {
    const [, id, nowMs] = MARK.exec(text) ?? [];
    const { replication } = server;
    if (id === undefined || replication === undefined) return;
    for (const cut of this.#cuts.values())
      if (cut.id === id && cut.taken === undefined)
        this.#take(server, cut, replication.appliedPosition, Number(nowMs));
  }

  #take({ keyspace, clock }: Server, cut: HeldCut, position: PsyncPosition, nowMs: number): void {
    const digest = new DigestCut(keyspace.filled(), cut.scope, nowMs);
    cut.taken = { position, digest };
    const step = (): void => {
      const end = clock.monotonic() + SLICE_MS;
      if (!digest.step(() => clock.monotonic() >= end)) clock.after(SLICE_MS, step);
    };
    clock.soon(step);
  }

  #drop(client: Client): void {
    this.#cuts.get(client)?.taken?.digest.close();
    this.#cuts.delete(client);
  }

  #dropIdle(nowMs: number): void {
    for (const [client, { askedAtMs }] of this.#cuts)
      if (nowMs - askedAtMs > MOST_IDLE_MS) this.#drop(client);
  }
}
