import type { FakeClock } from './fake-clock.ts';
import type { Random } from './random.ts';

export interface EndpointEvents {
  data(chunk: Buffer): void;
  drain(): void;
  closed(reason: string): void;
}

/** Bytes in one direction per millisecond on a connection that nobody slowed down. */
const FULL_SPEED = 1_000_000;

/** One end of an in-memory connection: bytes arrive late, cut anywhere, but in order. */
export class Endpoint {
  readonly #network: FakeNetwork;
  #peer: Endpoint | null = null;
  #events: EndpointEvents | null = null;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isDelivering = false;
  #isPaused = false;
  #isClosed = false;
  #isEnding = false;
  /** Bytes a millisecond that the peer takes from us. */
  speed = FULL_SPEED;
  /** Nothing gets through and nobody is told: only timeouts help. */
  isBlackhole = false;

  constructor(network: FakeNetwork) {
    this.#network = network;
  }

  static pair(network: FakeNetwork): readonly [Endpoint, Endpoint] {
    const one = new Endpoint(network);
    const other = new Endpoint(network);
    one.#peer = other;
    other.#peer = one;
    return [one, other];
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get pendingBytes(): number {
    return this.#queuedBytes;
  }

  listen(events: EndpointEvents): void {
    this.#events = events;
  }

  /** The bytes are copied, so whoever gave them may have them back. */
  write(bytes: Uint8Array, taken?: () => void): void {
    if (this.#isClosed || this.#isEnding || bytes.length === 0) return;
    this.#queue.push(Buffer.from(bytes));
    this.#queuedBytes += bytes.length;
    taken?.();
    this.#deliver();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#peer !== null) this.#peer.#deliver();
  }

  end(): void {
    this.#isEnding = true;
    if (this.#queuedBytes === 0) this.close();
  }

  /** The other end hears of it after a while. */
  close(): void {
    this.#shut();
    this.#network.clock.after(this.#network.latencyMs(), () => this.#peer?.breakOff('closed by peer'));
  }

  /** The network broke: this end hears of it now. */
  breakOff(reason: string): void {
    if (this.#isClosed) return;
    this.#shut();
    this.#events?.closed(reason);
  }

  #shut(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  #deliver(): void {
    if (this.#isDelivering || this.#queuedBytes === 0) return;
    this.#isDelivering = true;
    this.#network.clock.after(this.#network.latencyMs(), () => {
      this.#isDelivering = false;
      const peer = this.#peer;
      if (this.#isClosed || peer === null || peer.#isPaused || this.isBlackhole) return;
      const wasFull = this.#queuedBytes;
      const chunk = this.#take(
        this.#network.random.chance(0.2) ? this.#network.random.between(1, 40) : this.speed,
      );
      if (!peer.#isClosed) peer.#events?.data(chunk);
      if (this.#isClosed) return;
      if (this.#queuedBytes < wasFull) this.#events?.drain();
      if (this.#isEnding && this.#queuedBytes === 0) this.close();
      this.#deliver();
    });
  }

  #take(maxBytes: number): Buffer {
    const all = Buffer.concat(this.#queue);
    const chunk = all.subarray(0, maxBytes);
    this.#queue.length = 0;
    if (chunk.length < all.length) this.#queue.push(all.subarray(chunk.length));
    this.#queuedBytes -= chunk.length;
    return chunk;
  }
}

/** Connections between nodes, with the faults a network can have. */
export class FakeNetwork {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly #pairs = new Set<readonly [Endpoint, Endpoint]>();

  constructor(clock: FakeClock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  connect(): readonly [Endpoint, Endpoint] {
    const pair = Endpoint.pair(this);
    for (const known of this.#pairs) {
      if (known[0].isClosed && known[1].isClosed) this.#pairs.delete(known);
    }
    this.#pairs.add(pair);
    return pair;
  }

  latencyMs(): number {
    return this.random.chance(0.02) ? this.random.between(10, 200) : this.random.between(0, 3);
  }

  get live(): readonly (readonly [Endpoint, Endpoint])[] {
    return [...this.#pairs].filter(([one, other]) => !one.isClosed || !other.isClosed);
  }

  /** Cuts one connection: both ends hear of it, each in its own time. */
  cut([one, other]: readonly [Endpoint, Endpoint]): void {
    this.clock.after(this.latencyMs(), () => one.breakOff('cut'));
    this.clock.after(this.latencyMs(), () => other.breakOff('cut'));
  }

  /** Ends every slowness and silence. A silent connection stays lost: its bytes are gone. */
  heal(): void {
    for (const [one, other] of this.#pairs) {
      if (one.isBlackhole || other.isBlackhole) this.cut([one, other]);
      for (const end of [one, other]) end.speed = FULL_SPEED;
    }
  }
}
