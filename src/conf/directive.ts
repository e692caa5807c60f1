/** What a directive's value is, and so how it is read, checked and shown. */
export type ValueKind =
  | { readonly type: 'bool' }
  | { readonly type: 'integer'; readonly min: bigint; readonly max: bigint }
  | { readonly type: 'octal'; readonly min: bigint; readonly max: bigint }
  /** Bytes, with Redis' units. `percent`: also `n%`, up to 100. */
  | { readonly type: 'memory'; readonly min: bigint; readonly max: bigint; readonly percent: boolean }
  /** One of the words; with `list`, several. */
  | { readonly type: 'enum'; readonly words: readonly string[]; readonly list: boolean }
  | { readonly type: 'string' }
  | { readonly type: 'special'; readonly form: SpecialForm }
  /** Understood in a file only: CONFIG GET and SET don't know it. */
  | { readonly type: 'line'; readonly minArgs: number; readonly maxArgs: number };

export type SpecialForm =
  | 'bind'
  | 'client-output-buffer-limit'
  | 'dir'
  | 'notify-keyspace-events'
  | 'oom-score-adj-values'
  | 'percentiles'
  | 'replicaof'
  | 'save';

/** Which servers know it; everything else is in Redis 7.2. */
export type DirectiveFamily = 'redis 6' | 'redis 7.2' | 'redis 7.4' | 'valkey 8' | 'valkey 9';

/** One directive of redis.conf. */
export interface Directive {
  readonly name: string;
  /** Redis 7.2's other names for it. */
  readonly aliases: readonly string[];
  /** Names that only other families know: accepted, never shown. */
  readonly foreignAliases: readonly string[];
  readonly kind: ValueKind;
  /** As CONFIG GET shows it. */
  readonly defaultValue: string;
  readonly family: DirectiveFamily;
  /** CONFIG SET may change it while the server runs. */
  readonly runtime: boolean;
  /** CONFIG SET needs `enable-protected-configs` too. */
  readonly guarded: boolean;
  /** Several lines of a file add up, instead of the last one winning. */
  readonly repeats: boolean;
  /** Takes several arguments on one line. */
  readonly multiple: boolean;
  /** Not shown by CONFIG GET with a glob. */
  readonly hidden: boolean;
  /** A secret: never in logs, slow log or MONITOR. */
  readonly secret: boolean;
  /** Refused by CONFIG SET while a data set is loading. */
  readonly notWhileLoading: boolean;
  /** Why it changes nothing in the bundled server; absent when it has effect there. */
  readonly inert?: string;
}
