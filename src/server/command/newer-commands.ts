/** What a command of a newer server comes to here. */
export interface KnownForm {
  readonly commands: readonly (readonly string[])[];
  /** What of it has no place here: the data differ from the master's since. */
  readonly loss: string | undefined;
}

const FIELD_EXPIRY = 'hash fields have no time to live here';
const FIELD_EXPIRY_COMMANDS: ReadonlySet<string> = new Set([
  'HEXPIRE',
  'HPEXPIRE',
  'HEXPIREAT',
  'HPEXPIREAT',
]);
const EXPIRY_WORDS: ReadonlySet<string> = new Set(['EX', 'PX', 'EXAT', 'PXAT']);

/**
 * A command that Redis 7.4 and later or Valkey 9 put into their streams, in the words of 7.2: Redis 8 sends HSETEX for
 * every HINCRBYFLOAT. A master sends what it has done, so conditions (FNX, NX …) have held and are left out. Undefined
 * for what is not known here either, or is not of the form these servers send. Binary strings.
 *
 * Measured on the streams of Redis 7.4.1 and 8.0.6 and Valkey 9.1.2.
 */
export function inKnownForm(argv: readonly string[]): KnownForm | undefined {
  const [name = '', key = ''] = argv;
  const verb = name.toUpperCase();
  if (verb === 'MSETEX') return knownMsetex(argv);
  const isExpire = FIELD_EXPIRY_COMMANDS.has(verb);
  if (!isExpire && verb !== 'HSETEX' && verb !== 'HGETDEL' && verb !== 'HPERSIST') return undefined;
  const at = argv.findIndex((word, i) => i > 1 && word.toUpperCase() === 'FIELDS');
  const count = Number(argv[at + 1]);
  const rest = argv.slice(at + 2);
  const width = verb === 'HSETEX' ? 2 : 1;
  if (at < 0 || count < 1 || rest.length !== count * width) return undefined;
  if (isExpire) return { commands: [], loss: FIELD_EXPIRY };
  if (verb === 'HPERSIST') return { commands: [], loss: undefined };
  if (verb === 'HGETDEL') return { commands: [['HDEL', key, ...rest]], loss: undefined };
  const expires = argv.slice(2, at).some((word) => EXPIRY_WORDS.has(word.toUpperCase()));
  return { commands: [['HSET', key, ...rest]], loss: expires ? FIELD_EXPIRY : undefined };
}

/** `MSETEX count key value … [NX|XX] [PXAT ms|KEEPTTL]`: several SETs. */
function knownMsetex(argv: readonly string[]): KnownForm | undefined {
  const count = Number(argv[1]);
  const options = argv.slice(2 + count * 2).filter((word) => !/^(?:NX|XX)$/i.test(word));
  if (!(count >= 1) || argv.length < 2 + count * 2) return undefined;
  const commands = Array.from({ length: count }, (_, i) => {
    const [key = '', value = ''] = argv.slice(2 + i * 2);
    return ['SET', key, value, ...options];
  });
  return { commands, loss: undefined };
}
