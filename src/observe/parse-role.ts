import type { Reply } from './reply.ts';

/** Typed form of one `ROLE` reply (https://redis.io/docs/latest/commands/role/). */
export type Role =
  | { readonly role: 'master'; readonly offset: number }
  | {
      readonly role: 'replica';
      readonly host: string;
      readonly port: number;
      /** How far the link is: `connect`, `connecting`, `handshake`, `sync`, `connected` or `none`. */
      readonly state: string;
      /** -1 before the first sync. */
      readonly offset: number;
    }
  | { readonly role: 'sentinel' };

/** null when the reply is an error, or not of the documented form. */
export function parseRole(reply: Reply): Role | null {
  if (!Array.isArray(reply)) return null;
  const [kind, ...rest] = reply as readonly Reply[];
  switch (kind) {
    case 'master':
      return { role: 'master', offset: Number(rest[0]) };
    case 'slave': {
      const [host, port, state, offset] = rest;
      return {
        role: 'replica',
        host: textOf(host),
        port: Number(port),
        state: textOf(state),
        offset: Number(offset),
      };
    }
    case 'sentinel':
      return { role: 'sentinel' };
    default:
      return null;
  }
}

function textOf(reply: Reply | undefined): string {
  return typeof reply === 'string' ? reply : '';
}
