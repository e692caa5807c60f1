import { ReplyError } from './reply-error.ts';

/** Redis 7.2's error replies, to the letter (source: shared objects in server.c, and the command files). */
export const ERRORS = {
  syntax: new ReplyError('ERR syntax error'),
  wrongType: new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value'),
  notInteger: new ReplyError('ERR value is not an integer or out of range'),
  notFloat: new ReplyError('ERR value is not a valid float'),
  outOfRange: new ReplyError('ERR value is out of range'),
  beyondInt32: new ReplyError('ERR value is out of range, value must between -2147483648 and 2147483647'),
  mustBePositive: new ReplyError('ERR value is out of range, must be positive'),
  overflow: new ReplyError('ERR increment or decrement would overflow'),
  decrementOverflow: new ReplyError('ERR decrement would overflow'),
  nanOrInfinity: new ReplyError('ERR increment would produce NaN or Infinity'),
  noKey: new ReplyError('ERR no such key'),
  indexOutOfRange: new ReplyError('ERR index out of range'),
  offsetOutOfRange: new ReplyError('ERR offset is out of range'),
  dbOutOfRange: new ReplyError('ERR DB index is out of range'),
  sameObject: new ReplyError('ERR source and destination objects are the same'),
  stringTooLong: new ReplyError('ERR string exceeds maximum allowed size (proto-max-bulk-len)'),
  invalidCursor: new ReplyError('ERR invalid cursor'),
  timeoutNegative: new ReplyError('ERR timeout is negative'),
  timeoutNotFloat: new ReplyError('ERR timeout is not a float or out of range'),
  timeoutNotInteger: new ReplyError('ERR timeout is not an integer or out of range'),
  timeoutOutOfRange: new ReplyError('ERR timeout is out of range'),
  numkeysNotPositive: new ReplyError('ERR numkeys should be greater than 0'),
  busyKey: new ReplyError('BUSYKEY Target key name already exists.'),
  nestedMulti: new ReplyError('ERR MULTI calls can not be nested'),
  execWithoutMulti: new ReplyError('ERR EXEC without MULTI'),
  discardWithoutMulti: new ReplyError('ERR DISCARD without MULTI'),
  watchInMulti: new ReplyError('ERR WATCH inside MULTI is not allowed'),
  execAborted: new ReplyError('EXECABORT Transaction discarded because of previous errors.'),
  noAuth: new ReplyError('NOAUTH Authentication required.'),
  noMulti: new ReplyError('ERR Command not allowed inside a transaction'),
  noReplicas: new ReplyError('NOREPLICAS Not enough good replicas to write.'),
  readOnly: new ReplyError("READONLY You can't write against a read only replica."),
  masterDown: new ReplyError(
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  ),
  replicaInKeyspace: new ReplyError("ERR Replica can't interact with the keyspace"),
  loading: new ReplyError('LOADING Redis is loading the dataset in memory'),
  oom: new ReplyError("OOM command not allowed when used memory > 'maxmemory'."),
  busyScript: new ReplyError(
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  ),
  busyFunction: new ReplyError(
    'BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.',
  ),
  misconfRdb: new ReplyError(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands " +
      'that may modify the data set are disabled, because this instance is configured to report errors during ' +
      'writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for ' +
      'details about the RDB error.',
  ),
  unblocked: new ReplyError('UNBLOCKED client unblocked via CLIENT UNBLOCK'),
  unblockedByRole: new ReplyError(
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
  ),
} as const;

/** `ERR wrong number of arguments for 'get' command`; `name` in lower case, `parent|sub` for subcommands. */
export function wrongArity(name: string): ReplyError {
  return new ReplyError(`ERR wrong number of arguments for '${name}' command`);
}

/** `ERR unknown subcommand 'x'. Try OBJECT HELP.`; `parent` is printed in upper case. */
export function unknownSubcommand(parent: string, given: string): ReplyError {
  return new ReplyError(
    `ERR unknown subcommand '${printable(given.slice(0, 128))}'. Try ${parent.toUpperCase()} HELP.`,
  );
}

/** The answer of a container's own checks: too many arguments for a subcommand, say (`addReplySubcommandSyntaxError`). */
export function wrongSubcommandUse(given: string, container: string): ReplyError {
  return new ReplyError(
    `ERR unknown subcommand or wrong number of arguments for '${printable(given.slice(0, 128))}'. Try ${container} HELP.`,
  );
}

/** The answer to a command that does not exist, with the beginning of its arguments. */
export function unknownCommand(name: string, args: readonly string[]): ReplyError {
  let shown = '';
  for (const arg of args) {
    if (shown.length >= 128) break;
    shown += `'${printable(arg.slice(0, 128 - shown.length))}' `;
  }
  return new ReplyError(
    `ERR unknown command '${printable(name.slice(0, 128))}', with args beginning with: ${shown}`,
  );
}

/** What a client gave, as errors show it: up to a zero byte, as C's %s has it. */
export function printable(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
