/** One kind of refusal; repeated ones are counted. */
export interface AclLogEntry {
  count: number;
  readonly reason: 'command' | 'key' | 'channel' | 'auth';
  readonly context: 'toplevel' | 'multi' | 'lua';
  readonly object: string;
  readonly username: string;
  clientInfo: string;
  readonly entryId: number;
  readonly createdAtMs: number;
  updatedAtMs: number;
}

const GROUP_WITHIN_MS = 60_000;
const COMPARE_WITH = 10;

/** The newest refusals first, as ACL LOG shows them (`addACLLogEntry` in acl.c). */
export class AclLog {
  entries: AclLogEntry[] = [];
  /** Refusals since the start, for INFO. */
  readonly counts = { command: 0, key: 0, channel: 0, auth: 0 };
  #nextId = 0;

  add(
    what: Pick<AclLogEntry, 'reason' | 'context' | 'object' | 'username' | 'clientInfo'>,
    nowMs: number,
    maxEntries: number,
  ): void {
    this.counts[what.reason] += 1;
    const known = this.entries
      .slice(0, COMPARE_WITH)
      .find(
        (entry) =>
          entry.reason === what.reason &&
          entry.context === what.context &&
          entry.object === what.object &&
          entry.username === what.username &&
          Math.abs(nowMs - entry.updatedAtMs) <= GROUP_WITHIN_MS,
      );
    if (known === undefined) {
      this.entries.unshift({
        ...what,
        count: 1,
        entryId: this.#nextId,
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
      });
      this.#nextId += 1;
    } else {
      known.count += 1;
      known.updatedAtMs = nowMs;
      known.clientInfo = what.clientInfo;
      this.entries = [known, ...this.entries.filter((entry) => entry !== known)];
    }
    this.entries.length = Math.min(this.entries.length, maxEntries);
  }

  clear(): void {
    this.entries = [];
  }
}
