/**
 * Random commands on few keys and few elements, so that they meet. In a template K is a key, E an element, S a score,
 * I an integer, D a stream id, N a small count; of `x|y` one is taken; a `*` before it says that its reply is in no
 * order.
 */

/** A seeded source of numbers. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed * 2654435761;
  }

  below(n: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) | 0;
    return (this.state >>> 8) % n;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4'];
const WORDS = ['a', 'b', 'c', 'dd', '', '1', '2', '-3', '10', 'x y', '\x00\xff'];
const SCORES = ['0', '1', '2', '-1', '5', '1.5', 'inf', '-inf', '(1', '(2', '3e2'];
const IDS = ['0', '1-1', '1-2', '2', '3-0', '5-5', '(1-1', '-', '+', '10'];
const INTS = ['0', '1', '2', '-1', '-2', '3', '100', '-100'];

const LISTS = [
  'lpush K E E',
  'rpush K E E E',
  'lpop K',
  'rpop K I',
  'llen K',
  'lindex K I',
  'lset K I E',
  'lrange K I I',
  'ltrim K I I',
  'lrem K I E',
  'linsert K before|after E E',
  'lpos K E',
  'lpos K E rank I count I',
  'lmove K K left|right left|right',
  'rpoplpush K K',
  'lmpop 2 K K left|right count N',
  'lpushx K E',
  'rpushx K E E',
  'blpop K K 0.01',
  'copy K K replace',
];
const HYPERLOGLOGS = [
  'pfadd K E E',
  'pfadd K E E E E',
  'pfadd K',
  'pfcount K',
  'pfcount K K K',
  'pfmerge K K',
  'pfmerge K K K',
  'pfdebug encoding|decode|todense|nope K',
  'get K',
  'set K E',
  'del K',
  'setrange K N E',
  'append K E',
  'object encoding K',
  'copy K K replace',
];
const HASHES = [
  'hset K E E',
  'hset K E E E E',
  'hget K E',
  'hdel K E E',
  'hlen K',
  'hexists K E',
  'hincrby K E I',
  'hincrbyfloat K E 1.5',
  'hmget K E E',
  'hsetnx K E E',
  'hstrlen K E',
  '*hgetall K',
  '*hkeys K',
  '*hvals K',
  '*hscan K 0 count N',
];
const SETS = [
  'sadd K E E',
  'sadd K I I',
  'srem K E E',
  'srem K I',
  'smove K K E',
  'scard K',
  'sismember K E',
  'smismember K E I',
  '*smembers K',
  '*sinter K K',
  '*sunion K K',
  '*sdiff K K',
  'sinterstore K K K',
  'sunionstore K K K',
  'sdiffstore K K K',
  'sintercard 2 K K limit N',
  '*sscan K 0 count 1000',
];
const ZSETS = [
  'zadd K S E',
  'zadd K S E S E',
  'zadd K nx|xx|gt|lt ch S E',
  'zadd K incr S E',
  'zincrby K S E',
  'zrem K E E',
  'zscore K E',
  'zmscore K E E',
  'zrank K E',
  'zrevrank K E',
  'zcard K',
  'zrange K I I withscores',
  'zrange K S S byscore limit I I',
  'zrange K S S byscore rev withscores',
  'zrangebyscore K S S',
  'zrevrange K I I',
  'zrangestore K K I I',
  'zcount K S S',
  'zremrangebyrank K I I',
  'zremrangebyscore K S S',
  'zpopmin K',
  'zpopmax K N',
  'zmpop 2 K K min|max count N',
  'zunion 2 K K withscores',
  'zinter 2 K K aggregate min|max|sum withscores',
  'zdiff 2 K K',
  'zunionstore K 2 K K weights 2 -1',
  'zinterstore K 2 K K',
  'zdiffstore K 2 K K',
  'zintercard 2 K K',
  'bzpopmin K 0.01',
];
const STREAMS = [
  'xadd K D E E',
  'xadd K 7-* E E',
  'xadd K 20-* E E',
  'xadd K maxlen N D E E',
  'xlen K',
  'xrange K D D',
  'xrevrange K D D count N',
  'xdel K D D',
  'xtrim K maxlen N',
  'xtrim K minid D',
  'xread count N streams K D',
  'xgroup create K g D mkstream',
  'xgroup create K h $',
  'xgroup destroy K h',
  'xgroup createconsumer K g x|y',
  'xgroup delconsumer K g x|y',
  'xgroup setid K g D',
  'xreadgroup group g a|b count N streams K >',
  'xreadgroup group g|h a|b streams K D',
  'xack K g D D',
  'xpending K g',
  'xclaim K g a|b 0 D D justid',
  'xautoclaim K g a|b 0 D count N',
];
const OTHERS = ['del K', 'type K', 'exists K K', 'rename K K', 'copy K K'];
/** The families' commands, a list for each. */
export const FAMILIES = { LISTS, HYPERLOGLOGS, HASHES, SETS, ZSETS, STREAMS };

export interface Step {
  readonly argv: string[];
  readonly isUnordered: boolean;
}

/** One command made of a template, or of none of them now and then. */
export function makeStep(random: Random, templates: readonly string[]): Step {
  const template = random.below(12) === 0 ? random.pick(OTHERS) : random.pick(templates);
  const isUnordered = template.startsWith('*');
  const argv = template
    .replace(/^\*/, '')
    .split(' ')
    .map((word) => {
      if (word === 'K') return random.pick(KEYS);
      if (word === 'E') return random.pick(WORDS);
      if (word === 'S') return random.pick(SCORES);
      if (word === 'I') return random.pick(INTS);
      if (word === 'D') return random.pick(IDS);
      if (word === 'N') return String(random.below(6));
      return word.includes('|') ? random.pick(word.split('|')) : word;
    });
  // Now and then something is missing or too much.
  if (random.below(40) === 0 && argv.length > 1) argv.pop();
  if (random.below(60) === 0 && !template.includes('rank')) argv.push(random.pick(WORDS));
  return { argv, isUnordered };
}
