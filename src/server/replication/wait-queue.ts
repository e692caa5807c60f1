/** A client that waits for its writes to be acknowledged (WAIT, WAITAOF). */
export interface AckWaiter {
  /** Offset that must be acknowledged. */
  readonly offset: number;
  /** Replicas wanted. */
  readonly replicaCount: number;
  /** Which acknowledgement counts: applied (WAIT) or fsynced (WAITAOF). */
  readonly kind: 'applied' | 'fsynced';
  /** WAITAOF also wants our own AOF to have reached the offset. */
  readonly needsLocalFsync: boolean;
  settle(result: AckCount): void;
  /** Our own AOF was turned off: what it waits for can't come any more. */
  refuse(): void;
}

export interface AckCount {
  readonly localFsynced: boolean;
  readonly replicas: number;
}

/** Counts acknowledgements as they stand; handed in, since replicas come and go. */
export type CountAcks = (kind: AckWaiter['kind'], offset: number) => AckCount;

/** The clients blocked in WAIT and WAITAOF, in order of arrival. */
export class WaitQueue {
  readonly #waiters = new Set<AckWaiter>();

  get size(): number {
    return this.#waiters.size;
  }

  add(waiter: AckWaiter): void {
    this.#waiters.add(waiter);
  }

  /** The client timed out or left; it settles itself. */
  remove(waiter: AckWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** The AOF was turned off: whoever waits for it is refused. */
  refuseLocal(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.needsLocalFsync) continue;
      this.#waiters.delete(waiter);
      waiter.refuse();
    }
  }

  /** The role changed: whoever waited has been sent away. */
  clear(): void {
    this.#waiters.clear();
  }

  /** Settles everyone who has what they wait for. Call it after each ACK and each local fsync. */
  check(count: CountAcks): void {
    for (const waiter of this.#waiters) {
      const result = count(waiter.kind, waiter.offset);
      if (result.replicas < waiter.replicaCount) continue;
      if (waiter.needsLocalFsync && !result.localFsynced) continue;
      this.#waiters.delete(waiter);
      waiter.settle(result);
    }
  }
}
