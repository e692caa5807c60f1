import { createRequire } from 'node:module';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';

interface ManualArgument {
  readonly name: string;
  readonly type: string;
  readonly display_text?: string;
  readonly key_spec_index?: number;
  readonly flags?: readonly string[];
  readonly arguments?: readonly ManualArgument[];
}

/** A command's page; fields are in the order of the reply. */
export interface ManualPage {
  readonly name: string;
  readonly since?: string;
  readonly group: string;
  readonly doc_flags?: readonly string[];
  readonly arguments?: readonly ManualArgument[];
}

let pages: ReadonlyMap<string, ManualPage> | undefined;

/** Pages by the full names of their commands. Read when first asked for, since few ever ask. */
export function manualPages(): ReadonlyMap<string, ManualPage> {
  if (pages !== undefined) return pages;
  const manual = createRequire(import.meta.url)('./manual.cjs') as string;
  pages = new Map(
    manual
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ManualPage)
      .map((page) => [page.name, page]),
  );
  return pages;
}

/** COMMAND DOCS: names that no command has are left out of the reply. */
export function commandDocs({ server, reply }: Context, args: Args): void {
  const { commands } = server;
  const chosen =
    args.count === 2
      ? [...commands.byName.values()]
      : args.strings(2).flatMap((name) => commands.get(name) ?? []);
  reply.mapHeader(chosen.length);
  for (const command of chosen) writePage(reply, command);
}

function writePage(reply: ReplyWriter, command: Command): void {
  reply.bulkString(command.name);
  const { name: _, ...page } = manualPages().get(command.name) ?? { name: '', group: 'server' };
  const subcommands = [...(command.subcommands?.values() ?? [])];
  const fields = Object.entries(page);
  reply.mapHeader(fields.length + (subcommands.length === 0 ? 0 : 1));
  for (const [field, value] of fields) {
    reply.bulkString(field);
    if (typeof value === 'string') reply.bulkText(value);
    else if (field === 'doc_flags') writeFlags(reply, page.doc_flags ?? []);
    else writeArguments(reply, page.arguments ?? []);
  }
  if (subcommands.length === 0) return;
  reply.bulkString('subcommands');
  reply.mapHeader(subcommands.length);
  for (const subcommand of subcommands) writePage(reply, subcommand);
}

function writeFlags(reply: ReplyWriter, flags: readonly string[]): void {
  reply.setHeader(flags.length);
  for (const flag of flags) reply.simple(flag);
}

function writeArguments(reply: ReplyWriter, list: readonly ManualArgument[]): void {
  reply.arrayHeader(list.length);
  for (const argument of list) {
    const { name, type, ...others } = argument;
    const isGroup = argument.arguments !== undefined;
    const known = { name, type, ...(isGroup ? {} : { display_text: name }), ...others };
    const fields = Object.entries(known);
    reply.mapHeader(fields.length);
    for (const [field, value] of fields) {
      reply.bulkString(field);
      if (typeof value === 'string') reply.bulkText(value);
      else if (typeof value === 'number') reply.int(value);
      else if (field === 'flags') writeFlags(reply, argument.flags ?? []);
      else writeArguments(reply, argument.arguments ?? []);
    }
  }
}
