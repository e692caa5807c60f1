import { ReplyError } from '../resp/reply-error.ts';

/** What a script says of itself (source: scripts_flags_def in script.c). */
export const SCRIPT_FLAG = {
  'no-writes': 1,
  'allow-oom': 2,
  'allow-stale': 4,
  'no-cluster': 8,
  'allow-cross-slot-keys': 16,
} as const;

/** Without `#!`: nothing is known of the script in advance, each command is checked when it comes. */
export const COMPATIBLE = 32;

export type ScriptFlagName = keyof typeof SCRIPT_FLAG;

export function flagOf(name: string): number | undefined {
  return Object.hasOwn(SCRIPT_FLAG, name) ? SCRIPT_FLAG[name as ScriptFlagName] : undefined;
}

export function flagNames(flags: number): string[] {
  return Object.entries(SCRIPT_FLAG)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
}

/** The flags in the first line of an EVAL script and the code without that line (its line break stays). */
export function readShebang(body: string): { readonly flags: number; readonly code: string } {
  if (!body.startsWith('#!')) return { flags: COMPATIBLE, code: body };
  const end = body.indexOf('\n');
  if (end < 0) throw new ReplyError('ERR Invalid script shebang');
  const [engine = '', ...options] = body.slice(0, end).split(/\s+/).filter(Boolean);
  if (engine !== '#!lua') throw new ReplyError(`ERR Unexpected engine in script shebang: ${engine}`);
  let flags = 0;
  for (const option of options) {
    if (!option.startsWith('flags=')) throw new ReplyError(`ERR Unknown lua shebang option: ${option}`);
    for (const name of option.slice(6).split(',').filter(Boolean)) {
      const flag = flagOf(name);
      if (flag === undefined) throw new ReplyError(`ERR Unexpected flag in script shebang: ${name}`);
      flags |= flag;
    }
  }
  return { flags, code: body.slice(end) };
}
