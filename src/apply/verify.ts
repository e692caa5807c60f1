import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplctlError } from '../errors.ts';
import type { Client } from '../observe/client.ts';
import { fingerprint, isSame, type Fingerprint } from '../observe/fingerprint.ts';
import { parseInfo } from '../observe/parse-info.ts';
import { rootOf, treeOf } from '../plan/tree.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import { openDeployment } from './deployment.ts';
import { pollUntil } from './poll-until.ts';
import { appliedOffset, readReplication, requireOk } from './read-replication.ts';

export interface VerifyOptions {
  /** About so many keys, chosen by their names; null for all. */
  readonly sample: number | null;
  /** For each reply, and for a replica to reach an offset. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (compared: number, total: number) => void;
}

export interface KeyDifference {
  readonly node: NodeId;
  readonly database: number;
  readonly key: Buffer;
  readonly what: 'missing' | 'extra' | 'type' | 'expiry' | 'value';
}

export interface VerifyResult {
  readonly master: NodeId;
  readonly replicas: readonly NodeId[];
  /** Keys compared, each on every node. */
  readonly compared: number;
  readonly differences: readonly KeyDifference[];
  /** Keys written so often that no two looks at the master agreed: neither equal nor different. */
  readonly unsettled: readonly Omit<KeyDifference, 'what'>[];
  readonly tookMs: number;
}

interface Member {
  readonly id: NodeId;
  readonly client: Client;
}

interface Suspect {
  readonly member: Member;
  readonly key: Buffer;
}

const BATCH_KEYS = 200;
const POLL_MS = 2;
/** Looks in a row, each at a master that did not change meanwhile, that must all differ. */
const CONFIRMATIONS = 3;
const MAX_LOOKS = 40;
const LOOK_PAUSE_MS = 10;

/**
 * Compares the data of every replica with the master's: each key, its type, its content and when it expires, and the
 * set of keys. Nothing is paused and nothing is locked: keys are read in small batches, half of the time is spent
 * waiting, and a key that seems to differ is looked at again. The cut is taken per key: the master's content, the
 * replica past the offset at which it was read, the replica's content, the master's content again. Equal to either of
 * the master's is equal; a difference counts only while the master's two looks agree, three times in a row. So a key
 * that is written meanwhile is no false alarm, and one that was changed beside the stream is found.
 *
 * UNREACHABLE when a node does not answer, TIMEOUT when a replica does not keep up.
 */
export async function verify(topology: Topology, options: VerifyOptions): Promise<VerifyResult> {
  const startedMs = performance.now();
  const deployment = await openDeployment(topology);
  const masterId = rootOf(treeOf(topology));
  const members: Member[] = [];
  try {
    for (const { id } of topology.nodes) {
      const client = await deployment.connect(id, options.timeoutMs, options.signal);
      members.push({ id, client });
      // Known from 7.2 on: looking must not make a key look used.
      await client.call('CLIENT', 'NO-TOUCH', 'ON');
    }
    const master = members.find(({ id }) => id === masterId);
    if (master === undefined) throw new ReplctlError('INTERNAL', `no node ${masterId} in ${topology.name}`);
    const run = new Verification(master, members, options);
    await run.compareAll();
    return {
      master: masterId,
      replicas: run.replicas.map(({ id }) => id),
      compared: run.compared,
      differences: run.differences,
      unsettled: run.unsettled,
      tookMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    for (const { client } of members) client.close();
  }
}

class Verification {
  readonly replicas: readonly Member[];
  readonly differences: KeyDifference[] = [];
  readonly unsettled: Omit<KeyDifference, 'what'>[] = [];
  compared = 0;
  private readonly master: Member;
  private readonly members: readonly Member[];
  private readonly options: VerifyOptions;
  private database = 0;

  constructor(master: Member, members: readonly Member[], options: VerifyOptions) {
    this.master = master;
    this.members = members;
    this.replicas = members.filter((member) => member !== master);
    this.options = options;
  }

  async compareAll(): Promise<void> {
    const counts = await Promise.all(this.members.map(countKeys));
    const total = [...(counts[this.members.indexOf(this.master)]?.values() ?? [])].reduce((a, b) => a + b, 0);
    const wanted = this.options.sample === null ? total : Math.min(total, this.options.sample);
    const share = total === 0 ? 1 : wanted / total;
    for (const database of [...new Set(counts.flatMap((found) => [...found.keys()]))].toSorted(
      (a, b) => a - b,
    )) {
      this.database = database;
      const select = ['SELECT', String(database)];
      for (const { id, client } of this.members) requireOk(id, [select], await client.pipeline([select]));
      await this.scan(this.master, share, async (keys) => {
        await this.settle(await this.suspectsAmong(keys));
        this.compared += keys.length;
        this.options.onProgress(this.compared, wanted);
      });
      for (const replica of this.replicas) {
        await this.scan(replica, share, async (keys) =>
          this.settle(await this.strangersAmong(keys, replica)),
        );
      }
    }
  }

  /** Half of the time it waits, so that a server is never kept busy with looking. */
  private async scan(
    { id, client }: Member,
    share: number,
    compare: (keys: Buffer[]) => Promise<void>,
  ): Promise<void> {
    let cursor = '0';
    do {
      this.options.signal.throwIfAborted();
      const startedMs = performance.now();
      const command = ['SCAN', cursor, 'COUNT', String(BATCH_KEYS)];
      const [reply = null] = await client.pipelineRaw([command]);
      if (!Array.isArray(reply) || !Array.isArray(reply[1])) {
        throw new ReplctlError('UNREACHABLE', `${id} refuses SCAN`, { hint: 'replctl status' });
      }
      cursor = String(reply[0]);
      const keys = reply[1].filter((key) => Buffer.isBuffer(key)).filter((key) => isChosen(key, share));
      if (keys.length > 0) await compare(keys);
      await sleep(performance.now() - startedMs, undefined, { signal: this.options.signal });
    } while (cursor !== '0');
  }

  private async suspectsAmong(keys: readonly Buffer[]): Promise<Suspect[]> {
    const [master = [], ...others] = await Promise.all(
      [this.master, ...this.replicas].map(({ client }) => fingerprint(client, keys)),
    );
    return this.replicas.flatMap((member, position) =>
      keys.flatMap((key, index) => {
        const [there, here] = [master[index], others[position]?.[index]];
        return there !== undefined && here !== undefined && isSame(there, here) ? [] : [{ member, key }];
      }),
    );
  }

  /** Keys of a replica that the master has not. */
  private async strangersAmong(keys: readonly Buffer[], member: Member): Promise<Suspect[]> {
    const types = await this.master.client.pipeline(keys.map((key) => ['TYPE', key]));
    return keys.filter((_, index) => types[index] === 'none').map((key) => ({ member, key }));
  }

  private async settle(suspects: readonly Suspect[]): Promise<void> {
    const { database } = this;
    let open = suspects.map((suspect) => ({ ...suspect, confirmed: 0 }));
    for (let look = 0; look < MAX_LOOKS && open.length > 0; look++) {
      if (look > 0) await sleep(LOOK_PAUSE_MS, undefined, { signal: this.options.signal });
      const keys = open.map(({ key }) => key);
      const before = await fingerprint(this.master.client, keys);
      const seen = await this.lookAt(open);
      const after = await fingerprint(this.master.client, keys);
      open = open.flatMap((suspect, index) => {
        const [first, here, last] = [before[index], seen[index], after[index]];
        if (first === undefined || here === undefined || last === undefined) return [suspect];
        if (isSame(here, first) || isSame(here, last)) return [];
        if (!isSame(first, last)) return [{ ...suspect, confirmed: 0 }];
        const confirmed = suspect.confirmed + 1;
        if (confirmed < CONFIRMATIONS) return [{ ...suspect, confirmed }];
        this.differences.push({
          node: suspect.member.id,
          database,
          key: suspect.key,
          what: differenceOf(first, here),
        });
        return [];
      });
    }
    this.unsettled.push(...open.map(({ member, key }) => ({ node: member.id, database, key })));
  }

  /** What the replicas hold once each is past the master's present offset. */
  private async lookAt(suspects: readonly Suspect[]): Promise<(Fingerprint | undefined)[]> {
    const { offset } = await readReplication(this.master.client, this.master.id);
    const seen = new Map<Suspect, Fingerprint | undefined>();
    for (const member of new Set(suspects.map((suspect) => suspect.member))) {
      await this.awaitOffset(member, offset);
      const mine = suspects.filter((suspect) => suspect.member === member);
      const found = await fingerprint(
        member.client,
        mine.map(({ key }) => key),
      );
      for (const [index, suspect] of mine.entries()) seen.set(suspect, found[index]);
    }
    return suspects.map((suspect) => seen.get(suspect));
  }

  private async awaitOffset({ id, client }: Member, offset: number): Promise<void> {
    const { timeoutMs, signal } = this.options;
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
}

function differenceOf(master: Fingerprint, replica: Fingerprint): KeyDifference['what'] {
  if (replica.type === 'none') return 'missing';
  if (master.type === 'none') return 'extra';
  if (master.type !== replica.type) return 'type';
  return master.digest === replica.digest ? 'expiry' : 'value';
}

/** By its name, so that every node chooses the same keys. */
function isChosen(key: Buffer, share: number): boolean {
  return share >= 1 || createHash('sha1').update(key).digest().readUInt32BE() < share * 2 ** 32;
}

async function countKeys({ client, id }: Member): Promise<Map<number, number>> {
  const reply = await client.call('INFO', 'keyspace');
  if (typeof reply !== 'string') throw new ReplctlError('UNREACHABLE', `${id} refuses INFO`);
  return new Map([...parseInfo(reply).keyspace].map(([database, { keys }]) => [database, keys]));
}
