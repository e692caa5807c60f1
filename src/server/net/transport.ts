/** The way to one client: bytes out, and word of its end. Sockets, TLS and in-memory pipes of a simulation alike. */
export interface Transport {
  /**
   * Takes the bytes over: the buffer is not the caller's any more, or not before `taken` is called, which says that
   * they are with the kernel and may never come if the connection ends before.
   */
  write(bytes: Uint8Array, taken?: () => void): void;
  /** Hands the kernel the first `length` bytes, as far as it takes them at once; gives how many it took. */
  writeNow(bytes: Uint8Array, length: number): number;
  /** Bytes taken but not yet with the kernel: what back-pressure and output limits go by. */
  readonly pendingBytes: number;
  /** Stops and restarts reading, so that a client that is not served does not fill memory. */
  pause(): void;
  resume(): void;
  /** Closes once everything taken is with the kernel. */
  end(): void;
  /** Closes at once. */
  close(): void;
  /** `ip:port`, `[ip6]:port` or the path of the unix socket with `:0`, as CLIENT LIST shows it. */
  readonly peer: string;
  readonly local: string;
  /** File descriptor, -1 when there is none. */
  readonly fd: number;
  readonly isUnixSocket: boolean;
}
