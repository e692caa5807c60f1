import { matchGlob } from '../../keyspace/match-glob.ts';
import { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { KEY_SPEC_NOTES } from '../catalogue.ts';
import { isArityRight, type Command, type Family, type KeySpec } from '../command.ts';
import type { Context } from '../context.ts';
import { findKeys, isAboutKeys, type KeyArgument } from '../find-keys.ts';
import { commandDocs } from './command-docs.ts';

/** COMMAND and its subcommands. */
export const introspectionCommands: Family = {
  command: (ctx) => describeAll(ctx, [...ctx.server.commands.byName.values()]),
  'command|count': (ctx) => ctx.reply.int(ctx.server.commands.byName.size),
  'command|info'(ctx, args) {
    const { commands } = ctx.server;
    if (args.count === 2) describeAll(ctx, [...commands.byName.values()]);
    else
      describeAll(
        ctx,
        args.strings(2).map((name) => commands.get(name)),
      );
  },
  'command|docs': commandDocs,
  'command|list': list,
  'command|getkeys'(ctx, args) {
    const { request, keys } = keysOf(ctx, args);
    ctx.reply.bulkStrings(keys.map(({ index }) => request.string(index)));
  },
  'command|getkeysandflags'(ctx, args) {
    const { request, keys } = keysOf(ctx, args);
    ctx.reply.arrayHeader(keys.length);
    for (const { index, flags } of keys) {
      ctx.reply.arrayHeader(2);
      ctx.reply.bulkString(request.string(index));
      writeWords(ctx.reply, flags);
    }
  },
  'command|help': (ctx) => ctx.reply.lines(HELP),
};

function describeAll({ reply }: Context, commands: readonly (Command | undefined)[]): void {
  reply.arrayHeader(commands.length);
  for (const command of commands) {
    if (command === undefined) reply.nil();
    else describe(reply, command);
  }
}

function describe(reply: ReplyWriter, command: Command): void {
  reply.arrayHeader(10);
  reply.bulkString(command.name);
  reply.int(command.arity);
  writeWords(reply, command.flagNames);
  reply.int(command.firstKey);
  reply.int(command.lastKey);
  reply.int(command.keyStep);
  writeWords(
    reply,
    command.categories.map((category) => `@${category}`),
  );
  reply.setHeader(command.tips.length);
  for (const tip of command.tips) reply.bulkString(tip);
  reply.setHeader(command.keySpecs.length);
  for (const [index, spec] of command.keySpecs.entries())
    describeKeySpec(reply, spec, KEY_SPEC_NOTES[command.name]?.[index]);
  const subcommands = [...(command.subcommands?.values() ?? [])];
  reply.setHeader(subcommands.length);
  for (const subcommand of subcommands) describe(reply, subcommand);
}

/** A RESP3 set of simple strings. */
function writeWords(reply: ReplyWriter, words: readonly string[]): void {
  reply.setHeader(words.length);
  for (const word of words) reply.simple(word);
}

function describeKeySpec(
  reply: ReplyWriter,
  { flags, begin, find }: KeySpec,
  notes: string | undefined,
): void {
  reply.mapHeader(notes === undefined ? 3 : 4);
  if (notes !== undefined) {
    reply.bulkString('notes');
    reply.bulkString(notes);
  }
  reply.bulkString('flags');
  writeWords(reply, flags);
  reply.bulkString('begin_search');
  if (begin.type === 'index') describeSearch(reply, 'index', { index: begin.index });
  else if (begin.type === 'keyword')
    describeSearch(reply, 'keyword', { keyword: begin.keyword, startfrom: begin.startFrom });
  else describeSearch(reply, 'unknown', {});
  reply.bulkString('find_keys');
  if (find.type === 'range')
    describeSearch(reply, 'range', { lastkey: find.lastKey, keystep: find.step, limit: find.limit });
  else if (find.type === 'keynum')
    describeSearch(reply, 'keynum', { keynumidx: find.index, firstkey: find.firstKey, keystep: find.step });
  else describeSearch(reply, 'unknown', {});
}

function describeSearch(
  reply: ReplyWriter,
  type: string,
  spec: Readonly<Record<string, string | number>>,
): void {
  reply.mapHeader(2);
  reply.bulkString('type');
  reply.bulkString(type);
  reply.bulkString('spec');
  const entries = Object.entries(spec);
  reply.mapHeader(entries.length);
  for (const [name, value] of entries) {
    reply.bulkString(name);
    if (typeof value === 'number') reply.int(value);
    else reply.bulkString(value);
  }
}

function list(ctx: Context, args: Args): void {
  const all = [...ctx.server.commands.all()];
  if (args.count === 2) {
    ctx.reply.bulkStrings(all.map(({ name }) => name));
    return;
  }
  if (args.count !== 5 || !args.is(2, 'FILTERBY')) throw ERRORS.syntax;
  const value = args.string(4);
  let chosen: Command[] = [];
  if (args.is(3, 'ACLCAT')) chosen = all.filter(({ categories }) => categories.includes(value.toLowerCase()));
  else if (args.is(3, 'PATTERN')) chosen = all.filter(({ name }) => matchGlob(value, name, true));
  else if (!args.is(3, 'MODULE')) throw ERRORS.syntax;
  ctx.reply.bulkStrings(chosen.map(({ name }) => name));
}

function keysOf(ctx: Context, args: Args): { request: Args; keys: readonly KeyArgument[] } {
  const request = Args.of(args.strings(2));
  const [name = '', sub = ''] = args.strings(2);
  const top = ctx.server.commands.get(name);
  const command = top?.subcommands === undefined ? top : top.subcommands.get(sub.toLowerCase());
  if (command === undefined) throw new ReplyError('ERR Invalid command specified');
  if (!command.keySpecs.some(isAboutKeys)) throw new ReplyError('ERR The command has no key arguments');
  if (!isArityRight(command, request.count))
    throw new ReplyError('ERR Invalid number of arguments specified for command');
  const keys = findKeys(command, request) ?? [];
  if (keys.length === 0 && !command.flagNames.includes('no_mandatory_keys')) {
    throw new ReplyError('ERR Invalid arguments specified for command');
  }
  return { request, keys };
}

const HELP = [
  'COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  '(no subcommand)',
  '    Return details about all Redis commands.',
  'COUNT',
  '    Return the total number of commands in this Redis server.',
  'LIST',
  '    Return a list of all commands in this Redis server.',
  'INFO [<command-name> ...]',
  '    Return details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'DOCS [<command-name> ...]',
  '    Return documentation details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'GETKEYS <full-command>',
  '    Return the keys from a full Redis command.',
  'GETKEYSANDFLAGS <full-command>',
  '    Return the keys and the access flags from a full Redis command.',
  'HELP',
  '    Print this help.',
];
