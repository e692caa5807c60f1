import { crypto } from '../../lazy-crypto.ts';
import { readFileSync } from 'node:fs';
import { describeDenial, type Access } from '../../acl/access.ts';
import { CATEGORIES, hasSpaces, type Selector } from '../../acl/selector.ts';
import { writeWhole } from '../../config/rewrite-file.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import { Args } from '../../resp/args.ts';
import { printable, wrongSubcommandUse } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import type { User } from '../../acl/user.ts';
import { isArityRight, type Family } from '../command.ts';
import type { Context } from '../context.ts';

export interface AclCommandParts {
  readonly access: () => Access;
  readonly pubsub: PubSub;
}

const MAX_PASSWORD_BITS = 4096;
const NO_FILE = new ReplyError(
  'ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER ' +
    'command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store ' +
    'users in the Redis configuration.',
);

/** ACL …: users and what they may do. */
export function aclCommands({ access, pubsub }: AclCommandParts): Family {
  return {
    'acl|whoami': (ctx) => ctx.reply.bulkString(ctx.client.user),
    'acl|users': (ctx) =>
      ctx.reply.bulkStrings(
        access()
          .acl.list()
          .map(({ name }) => name),
      ),
    'acl|list': (ctx) =>
      ctx.reply.bulkStrings(
        access()
          .acl.list()
          .map((user) => `user ${user.name} ${user.describe()}`),
      ),
    'acl|cat': cat,
    'acl|genpass': genPass,
    'acl|setuser': setUser,
    'acl|deluser': delUser,
    'acl|getuser': (ctx, args) => getUser(ctx, access().acl.get(args.string(2))),
    'acl|dryrun': dryRun,
    'acl|log': log,
    'acl|load': load,
    'acl|save': save,
    'acl|help': (ctx) => ctx.reply.lines(HELP),
  };

  function setUser(ctx: Context, args: Args): void {
    const name = args.string(2);
    if (hasSpaces(name)) throw new ReplyError("ERR Usernames can't contain spaces or null characters");
    const error = access().acl.set(name, args.strings(3), (before, after) =>
      disconnectSubscribers(ctx, before, after),
    );
    if (error !== undefined) throw new ReplyError(error);
    access().refresh();
    ctx.reply.ok();
  }

  /** Ends subscribers of a user whose channels were taken from it. */
  function disconnectSubscribers(ctx: Context, before: User, after: User): void {
    for (const client of ctx.server.clients.values()) {
      if (client.user !== before.name || client.kind !== 'pubsub') continue;
      const mayStay = (channel: string, isPattern: boolean): boolean =>
        after.selectors.some((selector) => selector.allowsChannel({ channel, isPattern }));
      const isAllowed =
        pubsub.names(client, 'pattern').every((name) => mayStay(name, true)) &&
        [...pubsub.names(client, 'channel'), ...pubsub.names(client, 'shard')].every((name) =>
          mayStay(name, false),
        );
      if (isAllowed) continue;
      if (client === ctx.client) client.closeAfterReply();
      else client.close(true);
    }
  }

  function delUser(ctx: Context, args: Args): void {
    const names = args.strings(2);
    if (names.includes('default')) throw new ReplyError("ERR The 'default' user cannot be removed");
    let count = 0;
    for (const name of names) {
      const user = access().acl.delete(name);
      if (user === undefined) continue;
      access().disconnect(user, ctx.client);
      count += 1;
    }
    ctx.reply.int(count);
  }

  function dryRun(ctx: Context, args: Args): void {
    const user = access().acl.get(args.string(2));
    if (user === undefined) throw new ReplyError(`ERR User '${printable(args.string(2))}' not found`);
    const request = Args.of(args.strings(3));
    const top = ctx.server.commands.get(args.string(3));
    const command =
      top?.subcommands === undefined || args.count < 5
        ? top
        : top.subcommands.get(args.string(4).toLowerCase());
    if (command === undefined) throw new ReplyError(`ERR Command '${printable(args.string(3))}' not found`);
    if (!isArityRight(command, request.count))
      throw new ReplyError(`ERR wrong number of arguments for '${command.name}' command`);
    const denial = access().judge(user, command, request);
    if (denial === undefined) ctx.reply.ok();
    else ctx.reply.bulkString(describeDenial(denial, user, command, true));
  }

  function log(ctx: Context, args: Args): void {
    const aclLog = access().log;
    if (args.count > 2 && args.is(2, 'RESET')) {
      aclLog.clear();
      ctx.reply.ok();
      return;
    }
    const count = args.count > 2 ? Math.max(0, args.int(2)) : 10;
    const shown = aclLog.entries.slice(0, count);
    const { reply } = ctx;
    reply.arrayHeader(shown.length);
    for (const entry of shown) {
      reply.mapHeader(10);
      reply.bulkString('count');
      reply.int(entry.count);
      reply.bulkString('reason');
      reply.bulkString(entry.reason);
      reply.bulkString('context');
      reply.bulkString(entry.context);
      reply.bulkString('object');
      reply.bulkString(entry.object);
      reply.bulkString('username');
      reply.bulkString(entry.username);
      reply.bulkString('age-seconds');
      reply.double((ctx.now - entry.updatedAtMs) / 1000);
      reply.bulkString('client-info');
      reply.bulkString(entry.clientInfo);
      reply.bulkString('entry-id');
      reply.int(entry.entryId);
      reply.bulkString('timestamp-created');
      reply.int(entry.createdAtMs);
      reply.bulkString('timestamp-last-updated');
      reply.int(entry.updatedAtMs);
    }
  }

  function load(ctx: Context): void {
    const file = ctx.server.config.text('aclfile');
    if (file === '') throw NO_FILE;
    const error = loadAclFile(access(), file, ctx);
    if (error !== undefined) throw new ReplyError(error);
    ctx.reply.ok();
  }

  function save(ctx: Context): void {
    const file = ctx.server.config.text('aclfile');
    if (file === '') throw NO_FILE;
    try {
      writeWhole(file, access().acl.toText());
    } catch (error) {
      ctx.server.log(
        'warning',
        `Writing ACL file for ACL SAVE: ${error instanceof Error ? error.message : ''}`,
      );
      throw new ReplyError(
        'ERR There was an error trying to save the ACLs. Please check the server logs for more information',
      );
    }
    ctx.reply.ok();
  }
}

/** Reads the ACL file into the users; the error is in Redis' words. The clients of all users
 * but the default one are ended: those they were authenticated as are no more (Redis 7.2). */
export function loadAclFile(access: Access, file: string, ctx?: Context): string | undefined {
  let content: string;
  try {
    content = readFileSync(file, 'latin1');
  } catch (error) {
    return `ERR Error loading ACLs, opening file '${file}': ${error instanceof Error ? error.message : ''}`;
  }
  const result = access.acl.loadFile(file, content);
  if ('error' in result) return result.error;
  if (ctx !== undefined) for (const user of result.replaced) access.disconnect(user, ctx.client);
  access.refresh();
  return undefined;
}

function cat(ctx: Context, args: Args): void {
  if (args.count > 3) throw wrongSubcommandUse(args.string(1), 'ACL');
  if (args.count === 2) {
    ctx.reply.bulkStrings(CATEGORIES);
    return;
  }
  const category = args.string(2).toLowerCase();
  if (!CATEGORIES.includes(category))
    throw new ReplyError(`ERR Unknown category '${printable(args.string(2).slice(0, 128))}'`);
  const commands = [...ctx.server.commands.originals.all()].filter(({ categories }) =>
    categories.includes(category),
  );
  ctx.reply.bulkStrings(commands.map(({ name }) => name));
}

function genPass(ctx: Context, args: Args): void {
  const bits = args.count > 2 ? args.int(2) : 256;
  if (bits <= 0 || bits > MAX_PASSWORD_BITS)
    throw new ReplyError(
      'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ' +
        String(MAX_PASSWORD_BITS),
    );
  const digits = Math.ceil(bits / 4);
  ctx.reply.bulkString(
    crypto()
      .randomBytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits),
  );
}

function getUser({ reply }: Context, user: User | undefined): void {
  if (user === undefined) {
    reply.nil();
    return;
  }
  const [root, ...others] = user.selectors;
  reply.mapHeader(6);
  reply.bulkString('flags');
  const flags = user.flags();
  reply.setHeader(flags.length);
  for (const flag of flags) reply.bulkString(flag);
  reply.bulkString('passwords');
  reply.bulkStrings(user.passwords);
  if (root !== undefined) describeSelector(reply, root);
  reply.bulkString('selectors');
  reply.arrayHeader(others.length);
  for (const selector of others) {
    reply.mapHeader(3);
    describeSelector(reply, selector);
  }
}

function describeSelector(reply: ReplyWriter, selector: Selector): void {
  reply.bulkString('commands');
  reply.bulkString(selector.describeCommands());
  reply.bulkString('keys');
  reply.bulkString(selector.describeKeys());
  reply.bulkString('channels');
  reply.bulkString(selector.describeChannels());
}

const HELP = [
  'ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CAT [<category>]',
  '    List all commands that belong to <category>, or all command categories',
  '    when no category is specified.',
  'DELUSER <username> [<username> ...]',
  '    Delete a list of users.',
  'DRYRUN <username> <command> [<arg> ...]',
  '    Returns whether the user can execute the given command without executing the command.',
  'GETUSER <username>',
  "    Get the user's details.",
  'GENPASS [<bits>]',
  '    Generate a secure 256-bit user password. The optional `bits` argument can',
  '    be used to specify a different size.',
  'LIST',
  '    Show users details in config file format.',
  'LOAD',
  '    Reload users from the ACL file.',
  'LOG [<count> | RESET]',
  '    Show the ACL log entries.',
  'SAVE',
  '    Save the current config to the ACL file.',
  'SETUSER <username> <attribute> [<attribute> ...]',
  '    Create or modify a user with the specified attributes.',
  'USERS',
  '    List all the registered usernames.',
  'WHOAMI',
  '    Return the current connection username.',
  'HELP',
  '    Print this help.',
];
