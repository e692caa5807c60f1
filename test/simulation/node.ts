import type { Replication } from '../../src/server/replication/replication.ts';
import type { Endpoint, FakeNetwork } from './fake-network.ts';
import type { Random } from './random.ts';

/** What a node of a simulation is made with. */
export interface NodeParts {
  readonly port: number;
  readonly network: FakeNetwork;
  readonly resolve: (port: number) => Node | undefined;
  readonly log: (line: string) => void;
}

/** A node that can be stopped, crashed and started again, keeping its place by what its RDB carries. */
export interface Node {
  readonly name: string;
  readonly port: number;
  readonly replication: Replication;
  readonly isUp: boolean;
  /** Writes are fenced off by a FAILOVER. */
  readonly isPaused: boolean;
  /** Full resyncs taken in: the only thing that may set an offset back. */
  readonly fullLoads: number;
  /** A connection another node made to this one. */
  accept(endpoint: Endpoint): void;
  write(db: number, args: readonly string[]): void;
  /** A burst of writes of the node's own choice; `serial` makes values unique. */
  scribble(random: Random, serial: () => number): void;
  /** SET key 1 and WAIT for so many replicas; tells when they have it, if ever. */
  writeAndWait(key: string, replicaCount: number, acknowledged: () => void): void;
  /** The value of a string key. */
  get(db: number, key: string): string | undefined;
  /** Equal exactly when the data are. */
  digest(): string;
  /** SHUTDOWN SAVE: the RDB carries id and offset; the conf file carries the master. */
  stop(): void;
  /** kill -9: what was not saved is lost; connections break. */
  crash(): void;
  start(): Promise<void>;
  /** The disk is gone with what was saved. */
  forget(): void;
}
