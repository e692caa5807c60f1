import { setTimeout as sleep } from 'node:timers/promises';
import { ReplctlError } from '../errors.ts';
import { fingerprint, isSame, type Fingerprint } from '../observe/fingerprint.ts';
import type { NodeId } from '../topology/model.ts';
import type { Client } from '../observe/client.ts';
import { pollUntil } from './poll-until.ts';
import { appliedOffset, readReplication } from './read-replication.ts';

/** A node whose data are compared. */
export interface Member {
  readonly id: NodeId;
  readonly client: Client;
  /** Knows PEXPIRETIME. */
  readonly readsExpiryTimes: boolean;
  readonly isBundled: boolean;
}

/** A key of a replica that did not look like the master's. */
export interface Suspect {
  readonly member: Member;
  readonly key: Buffer;
}

export interface KeyPlace {
  readonly node: NodeId;
  readonly database: number;
  readonly key: Buffer;
}

export interface KeyDifference extends KeyPlace {
  readonly what: 'missing' | 'extra' | 'type' | 'expiry' | 'value';
}

export interface SettleContext {
  readonly master: Member;
  /** Selected on every connection. */
  readonly database: number;
  readonly readsExpiryTimes: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const POLL_MS = 2;
/** Looks in a row, each at a master that did not change meanwhile, that must all differ. */
const CONFIRMATIONS = 3;
const MAX_LOOKS = 40;
const LOOK_PAUSE_MS = 10;

/**
 * Tells keys that are being written from keys that differ. The cut is taken per key: the master's content, the
 * replica past the offset at which it was read, the replica's content, the master's content again. Equal to either of
 * the master's is equal; a difference counts only while the master's two looks agree, three times in a row. So a key
 * that is written meanwhile is no false alarm, and one that was changed beside the stream is found.
 *
 * TIMEOUT when a replica does not keep up.
 */
export async function settleSuspects(
  suspects: readonly Suspect[],
  context: SettleContext,
): Promise<{ readonly differences: readonly KeyDifference[]; readonly unsettled: readonly KeyPlace[] }> {
  const { master, database, readsExpiryTimes, signal } = context;
  const differences: KeyDifference[] = [];
  let open = suspects.map((suspect) => ({ ...suspect, confirmed: 0 }));
  for (let look = 0; look < MAX_LOOKS && open.length > 0; look++) {
    if (look > 0) await sleep(LOOK_PAUSE_MS, undefined, { signal });
    const keys = open.map(({ key }) => key);
    const before = await fingerprint(master.client, keys, readsExpiryTimes);
    const seen = await lookAt(open, context);
    const after = await fingerprint(master.client, keys, readsExpiryTimes);
    open = open.flatMap((suspect, index) => {
      const [first, here, last] = [before[index], seen[index], after[index]];
      if (first === undefined || here === undefined || last === undefined) return [suspect];
      if (isSame(here, first) || isSame(here, last)) return [];
      if (!isSame(first, last)) return [{ ...suspect, confirmed: 0 }];
      const confirmed = suspect.confirmed + 1;
      if (confirmed < CONFIRMATIONS) return [{ ...suspect, confirmed }];
      differences.push({ ...placeOf(suspect, database), what: differenceOf(first, here) });
      return [];
    });
  }
  return { differences, unsettled: open.map((suspect) => placeOf(suspect, database)) };
}

/** What the replicas hold once each is past the master's present offset. */
async function lookAt(
  suspects: readonly Suspect[],
  context: SettleContext,
): Promise<(Fingerprint | undefined)[]> {
  const { master, readsExpiryTimes } = context;
  const { offset } = await readReplication(master.client, master.id);
  const seen = new Map<Suspect, Fingerprint | undefined>();
  for (const member of new Set(suspects.map((suspect) => suspect.member))) {
    await awaitOffset(member, offset, context);
    const mine = suspects.filter((suspect) => suspect.member === member);
    const found = await fingerprint(
      member.client,
      mine.map(({ key }) => key),
      readsExpiryTimes,
    );
    for (const [index, suspect] of mine.entries()) seen.set(suspect, found[index]);
  }
  return suspects.map((suspect) => seen.get(suspect));
}

async function awaitOffset({ id, client }: Member, offset: number, context: SettleContext): Promise<void> {
  const { timeoutMs, signal } = context;
  const reached = await pollUntil(
    async () => (appliedOffset(await readReplication(client, id)) >= offset ? true : null),
    { timeoutMs, everyMs: POLL_MS, signal },
  );
  if (reached === null) {
    throw new ReplctlError('TIMEOUT', `${id} did not reach offset ${offset} within ${timeoutMs} ms`, {
      hint: 'replctl status names the cause; --timeout allows more',
    });
  }
}

function placeOf({ member, key }: Suspect, database: number): KeyPlace {
  return { node: member.id, database, key };
}

function differenceOf(master: Fingerprint, replica: Fingerprint): KeyDifference['what'] {
  if (replica.type === 'none') return 'missing';
  if (master.type === 'none') return 'extra';
  if (master.type !== replica.type) return 'type';
  return master.digest === replica.digest ? 'expiry' : 'value';
}
