import { Flags } from '@oclif/core';
import { ReplctlError } from '../../errors.ts';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A flag that takes `500ms`, `30s`, `2m` or plain seconds; its value is in milliseconds. */
export const durationFlag = Flags.custom<number>({
  parse: async (input) => parseDuration(input),
  helpValue: '<duration>',
});

export function parseDuration(raw: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(raw.trim());
  if (match === null) {
    throw new ReplctlError('USAGE', `expected a duration such as 500ms, 30s or 2m, got "${raw}"`);
  }
  const unit = (match[2] ?? 's') as keyof typeof UNIT_MS;
  return Math.round(Number(match[1]) * UNIT_MS[unit]);
}
