import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplctlError } from '../errors.ts';
import { beginCut, readCut, type CutDigest, type CutRow } from '../observe/digest-cut.ts';
import type { VerifyOptions } from './compare-data.ts';
import type { KeyDifference, Member } from './settle-suspects.ts';

/** A point of the replication stream. */
export interface StreamCut {
  readonly replid: string;
  readonly offset: number;
}

export interface CutComparison {
  readonly cut: StreamCut;
  readonly compared: number;
  readonly differences: readonly KeyDifference[];
}

const BUCKETS = 4_096;
const SUM_BYTES = 16;
/** Keys listed by one node at one cut, on average: half of what a server keeps. */
const LISTED_KEYS = 50_000;
const POLL_MS = 10;

/**
 * Compares the data of bundled servers at one point of their stream: every node digests all it holds at exactly the
 * same (replid, offset), so whatever differs there does differ, and nothing is looked at twice. The keys are dealt to
 * buckets; those with unequal sums are listed key by key, at a second cut. A difference that is gone by then (the key
 * was written anew) is none. null when a node can't do that, or stands elsewhere than its master.
 *
 * TIMEOUT when a replica does not come to the cut.
 */
export async function compareAtCut(
  master: Member,
  replicas: readonly Member[],
  options: VerifyOptions,
): Promise<CutComparison | null> {
  const first = await takeCut(master, replicas, [], options);
  if (first === null) return null;
  const { keys, replid, offset } = first.master;
  const unequal = unequalBuckets(first);
  const atOnce = Math.max(1, Math.floor(LISTED_KEYS / Math.max(1, mostKeys(first) / BUCKETS)));
  const differences: KeyDifference[] = [];
  for (let start = 0; start < unequal.length; start += atOnce) {
    const listed = await takeCut(master, replicas, unequal.slice(start, start + atOnce), options);
    if (listed === null) return null;
    for (const { member, digest } of listed.replicas)
      differences.push(...differencesOf(listed.master.rows, digest.rows, member));
  }
  return { cut: { replid, offset }, compared: keys, differences };
}

interface Cut {
  readonly master: CutDigest;
  readonly replicas: readonly { readonly member: Member; readonly digest: CutDigest }[];
}

async function takeCut(
  master: Member,
  replicas: readonly Member[],
  buckets: readonly number[],
  options: VerifyOptions,
): Promise<Cut | null> {
  const request = { id: randomBytes(16).toString('hex'), bucketCount: BUCKETS, buckets };
  const ready = await Promise.all(replicas.map(({ client }) => beginCut(client, request)));
  if (ready.includes(false) || !(await beginCut(master.client, request))) return null;
  const [here, ...there] = await Promise.all([
    awaitDigest(master, options),
    ...replicas.map((member) => awaitDigest(member, options)),
  ]);
  if (here === undefined || here === null) return null;
  const taken = replicas.flatMap((member, index) => {
    const digest = there[index] ?? null;
    const isSamePlace = digest?.replid === here.replid && digest.offset === here.offset;
    return isSamePlace ? [{ member, digest }] : [];
  });
  return taken.length === replicas.length ? { master: here, replicas: taken } : null;
}

async function awaitDigest(
  { id, client }: Member,
  { timeoutMs, signal }: VerifyOptions,
): Promise<CutDigest | null> {
  let seen = NaN;
  let deadlineMs = 0;
  for (;;) {
    signal.throwIfAborted();
    const found = await readCut(client);
    if (typeof found !== 'number') return found;
    if (found !== seen) deadlineMs = performance.now() + timeoutMs;
    seen = found;
    if (performance.now() > deadlineMs) {
      const where = found < 0 ? 'did not come to the cut' : `digested ${found} keys and no more`;
      throw new ReplctlError('TIMEOUT', `${id} ${where} within ${timeoutMs} ms`, {
        hint: 'replctl status names the cause; --timeout allows more',
      });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function unequalBuckets({ master, replicas }: Cut): number[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => bucket).filter((bucket) => {
    const [from, to] = [bucket * SUM_BYTES, (bucket + 1) * SUM_BYTES];
    return replicas.some(({ digest }) => digest.sums.compare(master.sums, from, to, from, to) !== 0);
  });
}

function mostKeys({ master, replicas }: Cut): number {
  return Math.max(master.keys, ...replicas.map(({ digest }) => digest.keys));
}

function differencesOf(
  master: readonly CutRow[],
  replica: readonly CutRow[],
  { id }: Member,
): KeyDifference[] {
  const nameOf = ({ database, key }: CutRow): string => `${database}:${key.toString('latin1')}`;
  const left = new Map(replica.map((row) => [nameOf(row), row]));
  const found: KeyDifference[] = [];
  const note = ({ database, key }: CutRow, what: KeyDifference['what']): void => {
    found.push({ node: id, database, key, what });
  };
  for (const row of master) {
    const other = left.get(nameOf(row));
    left.delete(nameOf(row));
    if (other === undefined) note(row, 'missing');
    else if (other.type !== row.type) note(row, 'type');
    else if (other.digest !== row.digest) note(row, 'value');
    else if (other.expiresAt !== row.expiresAt) note(row, 'expiry');
  }
  for (const row of left.values()) note(row, 'extra');
  return found;
}
