import type { Args } from '../resp/args.ts';
import type { Context } from './context.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** Runs one command: reads `args`, writes exactly one reply to `ctx.reply` (or blocks), throws ReplyError to fail. */
export type Handler = (ctx: Context, args: Args) => void;

/** What a command family's file exports: `name` or `container|subcommand` in lower case → handler. */
export type Family = Readonly<Record<string, Handler>>;

/** Bits of `Command.flags`, named as COMMAND names them. */
export const FLAG = {
  write: 1,
  readonly: 2,
  denyoom: 4,
  admin: 8,
  pubsub: 16,
  noscript: 32,
  blocking: 64,
  loading: 128,
  stale: 256,
  skip_monitor: 512,
  skip_slowlog: 1024,
  asking: 2048,
  fast: 4096,
  no_auth: 8192,
  no_multi: 16384,
  movablekeys: 32768,
  allow_busy: 65536,
  no_async_loading: 131072,
  no_mandatory_keys: 262144,
  /** Not shown by COMMAND: may write to replicas without being a write, so that a pause of writes holds it back. */
  may_replicate: 524288,
  /** Not shown by COMMAND: takes about as long whatever the data is, so that it may be timed together with its like. */
  constant: 1048576,
} as const;

export type FlagName = keyof typeof FLAG;

/** Where a command's keys are (source: the key-specs of COMMAND). */
export interface KeySpec {
  readonly flags: readonly string[];
  readonly begin:
    | { readonly type: 'index'; readonly index: number }
    | { readonly type: 'keyword'; readonly keyword: string; readonly startFrom: number }
    | { readonly type: 'unknown' };
  readonly find:
    | { readonly type: 'range'; readonly lastKey: number; readonly step: number; readonly limit: number }
    | { readonly type: 'keynum'; readonly index: number; readonly firstKey: number; readonly step: number }
    | { readonly type: 'unknown' };
}

/** Counters behind INFO commandstats. */
export class CommandStats {
  calls = 0;
  /** Microseconds spent. */
  usec = 0;
  rejected = 0;
  failed = 0;
  readonly latency = new LatencyHistogram();

  reset(): void {
    this.calls = 0;
    this.usec = 0;
    this.rejected = 0;
    this.failed = 0;
    this.latency.reset();
  }
}

/** One command or subcommand: its facts, its handler, its counters. */
export interface Command {
  /** `get`, `client|list`: the one it was born with, whatever `rename-command` calls it. */
  readonly name: string;
  /** Number of arguments with the name; negative for "at least". */
  readonly arity: number;
  readonly flags: number;
  readonly flagNames: readonly string[];
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly categories: readonly string[];
  readonly tips: readonly string[];
  readonly keySpecs: readonly KeySpec[];
  /** Dense number of the command (containers and subcommands each have one), for ACL bitmaps. */
  readonly id: number;
  /** For a container: its subcommands by name without the container's. */
  readonly subcommands: Map<string, Command> | undefined;
  readonly parent: Command | undefined;
  /** Undefined for a container: what runs is a subcommand, or `bare`. */
  readonly handler: Handler | undefined;
  /** What a container does when it stands without a subcommand, if anything (COMMAND). */
  readonly bare: Command | undefined;
  readonly stats: CommandStats;
}

/** Whether `count` arguments (with the name) are as many as the command takes. */
export function isArityRight(command: Command, count: number): boolean {
  return command.arity > 0 ? count === command.arity : count >= -command.arity;
}
