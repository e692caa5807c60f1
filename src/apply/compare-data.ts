import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplctlError } from '../errors.ts';
import { digestBatch, type BatchDigest } from '../observe/digest-batch.ts';
import { fingerprint, isSame } from '../observe/fingerprint.ts';
import { parseInfo } from '../observe/parse-info.ts';
import {
  settleSuspects,
  type KeyDifference,
  type KeyPlace,
  type Member,
  type Suspect,
} from './settle-suspects.ts';

export interface VerifyOptions {
  /** About so many keys, chosen by their names; null for all. */
  readonly sample: number | null;
  /** For each reply, and for a replica to reach an offset. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (compared: number, total: number) => void;
}

/** Digested in one go: about a millisecond of the server's time. Fewer where much is being written. */
const BATCH_KEYS = 250;
const LEAST_KEYS = 20;
const MOST_PAUSE_MS = 4;
/** Names only, half a millisecond. */
const STRANGER_BATCH_KEYS = 1_000;
/** Looked at again together. */
const MOST_SUSPECTS = 500;
/** Content read key by key, at a time. */
const READ_KEYS = 200;
const READ_LARGE_KEYS = 5;

/** One comparison of all databases; what it finds piles up in its fields. */
export class DataComparison {
  readonly replicas: readonly Member[];
  readonly differences: KeyDifference[] = [];
  readonly unsettled: KeyPlace[] = [];
  compared = 0;
  private readonly master: Member;
  private readonly members: readonly Member[];
  private readonly options: VerifyOptions;
  private readonly readsExpiryTimes: boolean;
  private canDigest = true;
  private database = 0;
  private batchKeys = BATCH_KEYS;
  private suspects: Suspect[] = [];

  constructor(master: Member, members: readonly Member[], options: VerifyOptions) {
    this.master = master;
    this.members = members;
    this.replicas = members.filter((member) => member !== master);
    this.options = options;
    this.readsExpiryTimes = members.every((member) => member.readsExpiryTimes);
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
      await Promise.all(this.members.map(({ client }) => client.call('SELECT', String(database))));
      await this.scan(
        this.master,
        () => this.batchKeys,
        share,
        async (keys) => {
          this.suspects.push(...(await this.suspectsAmong(keys)));
          if (this.suspects.length >= MOST_SUSPECTS) await this.settle();
          this.compared += keys.length;
          this.options.onProgress(this.compared, wanted);
        },
      );
      await this.settle();
      for (const replica of this.replicas) {
        await this.scan(
          replica,
          () => STRANGER_BATCH_KEYS,
          share,
          async (keys) => {
            this.suspects.push(...(await this.strangersAmong(keys, replica)));
          },
        );
        await this.settle();
      }
    }
  }

  /** Half of the time it waits, so that a server is never kept busy with looking. */
  private async scan(
    { id, client }: Member,
    count: () => number,
    share: number,
    compare: (keys: Buffer[]) => Promise<void>,
  ): Promise<void> {
    let cursor = '0';
    do {
      this.options.signal.throwIfAborted();
      const startedMs = performance.now();
      const command = ['SCAN', cursor, 'COUNT', String(count())];
      const [reply = null] = await client.pipelineRaw([command]);
      if (!Array.isArray(reply) || !Array.isArray(reply[1])) {
        throw new ReplctlError('UNREACHABLE', `${id} refuses SCAN`, { hint: 'replctl status' });
      }
      cursor = String(reply[0]);
      const keys = reply[1].filter((key) => Buffer.isBuffer(key)).filter((key) => isChosen(key, share));
      if (keys.length > 0) await compare(keys);
      const pauseMs = Math.min(MOST_PAUSE_MS, performance.now() - startedMs);
      await sleep(pauseMs, undefined, { signal: this.options.signal });
    } while (cursor !== '0');
  }

  /** Equal digests need no further look; of the rest, and of keys too large for a digest, each is read. */
  private async suspectsAmong(keys: readonly Buffer[]): Promise<Suspect[]> {
    const [here, ...there] = await this.digests(keys);
    if (here === undefined) return this.readAll(keys, this.replicas);
    const differing = this.replicas.filter((_, index) => there[index]?.digest !== here.digest);
    // The more is written, the smaller the batch in which nothing is just being written.
    const next = differing.length > 0 ? this.batchKeys / 2 : this.batchKeys * 1.2;
    this.batchKeys = Math.round(Math.min(BATCH_KEYS, Math.max(LEAST_KEYS, next)));
    const large = new Set(
      [here, ...there].flatMap((digest) => digest.large.map((key) => key.toString('latin1'))),
    );
    return [
      ...(await this.readAll(keys, differing)),
      ...(await this.readAll(
        [...large].map((key) => Buffer.from(key, 'latin1')),
        this.replicas.filter((member) => !differing.includes(member)),
        READ_LARGE_KEYS,
      )),
    ];
  }

  /** The master's first; none when a server does not compute them. */
  private async digests(keys: readonly Buffer[]): Promise<BatchDigest[]> {
    if (!this.canDigest) return [];
    const digests = await Promise.all(
      [this.master, ...this.replicas].map(({ client, isBundled }) =>
        digestBatch(client, keys, { isBundled, readsExpiryTimes: this.readsExpiryTimes }),
      ),
    );
    const known = digests.filter((digest) => digest !== null);
    this.canDigest = known.length === digests.length;
    return this.canDigest ? known : [];
  }

  private async readAll(
    keys: readonly Buffer[],
    replicas: readonly Member[],
    atOnce = READ_KEYS,
  ): Promise<Suspect[]> {
    const found: Suspect[] = [];
    for (let start = 0; start < keys.length && replicas.length > 0; start += atOnce) {
      const some = keys.slice(start, start + atOnce);
      const [here = [], ...there] = await Promise.all(
        [this.master, ...replicas].map(({ client }) => fingerprint(client, some, this.readsExpiryTimes)),
      );
      for (const [position, member] of replicas.entries()) {
        for (const [index, key] of some.entries()) {
          const [ours, theirs] = [here[index], there[position]?.[index]];
          if (ours === undefined || theirs === undefined || !isSame(ours, theirs))
            found.push({ member, key });
        }
      }
    }
    return found;
  }

  /** Keys of a replica that the master has not. */
  private async strangersAmong(keys: readonly Buffer[], member: Member): Promise<Suspect[]> {
    const [count] = await this.master.client.pipeline([['EXISTS', ...keys]]);
    if (count === keys.length) return [];
    const types = await this.master.client.pipeline(keys.map((key) => ['TYPE', key]));
    return keys.filter((_, index) => types[index] === 'none').map((key) => ({ member, key }));
  }

  private async settle(): Promise<void> {
    const { master, database, readsExpiryTimes, options } = this;
    const settled = await settleSuspects(this.suspects, { master, database, readsExpiryTimes, ...options });
    this.suspects = [];
    this.differences.push(...settled.differences);
    this.unsettled.push(...settled.unsettled);
  }
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
