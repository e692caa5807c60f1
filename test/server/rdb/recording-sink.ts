import type { CollectionType, RdbSink, StreamGroup, StreamState } from '../../../src/server/rdb/rdb-sink.ts';

export interface RecordedEntry {
  readonly id: string;
  readonly fields: string[];
}

export type RecordedValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'list' | 'set'; readonly elements: string[] }
  | { readonly type: 'zset'; readonly members: [string, number][] }
  | { readonly type: 'hash'; readonly fields: [field: string, value: string, expireAtMs?: number][] }
  | {
      readonly type: 'stream';
      readonly entries: RecordedEntry[];
      state?: StreamState;
      readonly groups: StreamGroup[];
    };

export interface RecordedKey {
  readonly db: number;
  readonly key: string;
  readonly expireAtMs: number;
  readonly value: RecordedValue;
}

/** Keeps all that a reader says, in its order, and refuses duplicates as a keyspace would. */
export class RecordingSink implements RdbSink {
  readonly keys: RecordedKey[] = [];
  readonly auxFields = new Map<string, string>();
  readonly libraries: string[] = [];
  readonly sizes: [number, number, number][] = [];
  #db = 0;
  #key: RecordedKey | undefined;
  #seen = new Set<string>();

  selectDb(index: number): void {
    this.#db = index;
  }

  resizeDb(keys: number, expires: number): void {
    this.sizes.push([this.#db, keys, expires]);
  }

  aux(name: string, value: string): void {
    this.auxFields.set(name, value);
  }

  functionLibrary(code: string): void {
    this.libraries.push(code);
  }

  string(
    ...[key, keyStart, keyEnd, value, valueStart, valueEnd, expireAtMs]: Parameters<RdbSink['string']>
  ): void {
    this.keys.push({
      db: this.#db,
      key: key.toString('latin1', keyStart, keyEnd),
      expireAtMs,
      value: { type: 'string', value: value.toString('latin1', valueStart, valueEnd) },
    });
  }

  begin(type: CollectionType, key: Buffer, keyStart: number, keyEnd: number, expireAtMs: number): void {
    this.#seen = new Set();
    const name = key.toString('latin1', keyStart, keyEnd);
    this.#key = { db: this.#db, key: name, expireAtMs, value: emptyValue(type) };
  }

  element(value: string): boolean {
    const open = this.#open();
    if (open.type !== 'list' && open.type !== 'set') throw new Error('element outside a list or set');
    open.elements.push(value);
    return open.type === 'list' || this.#isNew(value);
  }

  member(member: string, score: number): boolean {
    const open = this.#open();
    if (open.type !== 'zset') throw new Error('member outside a sorted set');
    open.members.push([member, score]);
    return this.#isNew(member);
  }

  field(field: string, value: string, expireAtMs = -1): boolean {
    const open = this.#open();
    if (open.type !== 'hash') throw new Error('field outside a hash');
    open.fields.push(expireAtMs < 0 ? [field, value] : [field, value, expireAtMs]);
    return this.#isNew(field);
  }

  entry(id: string, fields: string[]): boolean {
    const open = this.#openStream();
    const last = open.entries.at(-1);
    open.entries.push({ id, fields });
    return last === undefined || last.id < id;
  }

  streamState(state: StreamState): void {
    this.#openStream().state = state;
  }

  streamGroup(group: StreamGroup): boolean {
    this.#openStream().groups.push(group);
    return this.#isNew(group.name);
  }

  end(isEmpty: boolean): void {
    if (!isEmpty && this.#key !== undefined) this.keys.push(this.#key);
    this.#key = undefined;
  }

  #open(): RecordedValue {
    if (this.#key === undefined) throw new Error('no open key');
    return this.#key.value;
  }

  #openStream(): Extract<RecordedValue, { type: 'stream' }> {
    const open = this.#open();
    if (open.type !== 'stream') throw new Error('stream data outside a stream');
    return open;
  }

  #isNew(name: string): boolean {
    const before = this.#seen.size;
    return this.#seen.add(name).size > before;
  }
}

function emptyValue(type: CollectionType): RecordedValue {
  switch (type) {
    case 'list':
    case 'set':
      return { type, elements: [] };
    case 'zset':
      return { type, members: [] };
    case 'hash':
      return { type, fields: [] };
    case 'stream':
      return { type, entries: [], groups: [] };
  }
}
