/** What a server knows of the process it runs in. */
export interface ProcessFacts {
  readonly executable: string;
  /** Absolute path, or empty. */
  readonly configFile: string;
  readonly pid: number;
  /** The TCP port listened on, 0 for none; may change by CONFIG SET. */
  readonly tcpPort: () => number;
  readonly memory: () => { readonly rss: number; readonly heapTotal: number; readonly heapUsed: number };
  /** CPU time used, in microseconds. */
  readonly cpu: () => { readonly system: number; readonly user: number };
  readonly totalMemoryBytes: number;
  readonly osName: string;
}
