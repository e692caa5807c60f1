import { CommandStats, FLAG, type Command, type FlagName, type Handler, type KeySpec } from './command.ts';

/** CMD_MAY_REPLICATE in commands.def of Redis 7.2. */
const MAY_REPLICATE = new Set(['pfcount', 'publish', 'spublish', 'eval', 'evalsha', 'fcall']);
/** Those that come by the million. Of some the reply or the request may be long, which is seen from them. */
const CONSTANT = new Set(
  `get set setnx getset strlen incr decr incrby decrby exists type ttl pttl ping lpush rpush lpop rpop llen
  hget hset hexists hincrby hlen sadd sismember scard spop zadd zincrby zscore zcard`.split(/\s+/),
);

/** What a command is in the table: something to run, a container of others, or one of those. */
type Part = Pick<Command, 'subcommands' | 'parent' | 'handler' | 'bare'>;

/**
 * A command as a line of the catalogue tells it. What only COMMAND and ACL rules ask for is read from the line when
 * they do: reading it all for each of some 350 commands would cost several ms and a megabyte at every start.
 */
export class CatalogueCommand implements Command {
  readonly name: string;
  readonly arity: number;
  readonly flags: number;
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly id: number;
  readonly subcommands: Map<string, Command> | undefined;
  readonly parent: Command | undefined;
  readonly handler: Handler | undefined;
  readonly bare: Command | undefined;
  readonly stats: CommandStats;
  readonly #line: string;
  #keySpecs: readonly KeySpec[] | undefined;

  constructor(line: string, id: number, part: Part, stats = new CommandStats()) {
    const [name = '', arity, flags = '', first, last, step] = line.split(' ', 6);
    this.name = name;
    this.arity = Number(arity);
    this.flags =
      bitsOf(flags) |
      (MAY_REPLICATE.has(name) ? FLAG.may_replicate : 0) |
      (CONSTANT.has(name) ? FLAG.constant : 0);
    this.firstKey = Number(first);
    this.lastKey = Number(last);
    this.keyStep = Number(step);
    this.id = id;
    this.subcommands = part.subcommands;
    this.parent = part.parent;
    this.handler = part.handler;
    this.bare = part.bare;
    this.stats = stats;
    this.#line = line;
  }

  get flagNames(): readonly string[] {
    return words(this.#field(2), ',');
  }

  get categories(): readonly string[] {
    return words(this.#field(6), ',');
  }

  get tips(): readonly string[] {
    return words(this.#field(7), ',');
  }

  get keySpecs(): readonly KeySpec[] {
    this.#keySpecs ??= words(this.#field(8), ';').map(readKeySpec);
    return this.#keySpecs;
  }

  #field(index: number): string {
    return this.#line.split(' ')[index] ?? '-';
  }
}

/** Many commands have the same flags: each set of them is read once. */
function bitsOf(flags: string): number {
  let bits = knownBits.get(flags);
  if (bits !== undefined) return bits;
  bits = 0;
  for (const flag of words(flags, ',')) bits |= FLAG[flag as FlagName];
  knownBits.set(flags, bits);
  return bits;
}

const knownBits = new Map<string, number>();

function words(text: string, separator: string): string[] {
  return text === '-' || text === '' ? [] : text.split(separator);
}

function readKeySpec(text: string): KeySpec {
  const [flags = '', begin = '', find = ''] = text.split('@');
  const [a = '', b = '', c = ''] = find.slice(1).split(',');
  return {
    flags: flags === '' ? [] : flags.split('+'),
    begin: readBegin(begin),
    find:
      find[0] === 'r'
        ? { type: 'range', lastKey: Number(a), step: Number(b), limit: Number(c) }
        : find[0] === 'n'
          ? { type: 'keynum', index: Number(a), firstKey: Number(b), step: Number(c) }
          : { type: 'unknown' },
  };
}

function readBegin(begin: string): KeySpec['begin'] {
  if (begin[0] === 'i') return { type: 'index', index: Number(begin.slice(1)) };
  if (begin[0] !== 'w') return { type: 'unknown' };
  const [keyword = '', start] = begin.slice(1).split(',');
  return { type: 'keyword', keyword, startFrom: Number(start) };
}
