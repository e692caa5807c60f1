import type { Value } from '../keyspace/value.ts';
import { HashValue } from '../keyspace/values/hash-value.ts';
import { ListValue } from '../keyspace/values/list-value.ts';
import { SetValue } from '../keyspace/values/set-value.ts';
import type { StreamId } from '../keyspace/values/stream-id.ts';
import { StreamValue } from '../keyspace/values/stream-value.ts';
import { ZSetValue } from '../keyspace/values/zset-value.ts';
import { Hash128 } from './hash128.ts';

const HASH = new Hash128();
const GROUP = -1;

/**
 * The sum of the hashes of a collection's elements, in steps: the same on every node, whatever order its elements lie
 * in there. Of a stream's groups it takes what all versions tell alike: name, last id, how many entries are pending.
 * The value must not change in between.
 */
export class CollectionDigest {
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  private readonly value: Value;
  private readonly elements: Iterator<unknown, void, undefined>;
  private taken = 0;

  constructor(value: Value) {
    this.value = value;
    this.elements = iterate(value);
  }

  /** Takes up to `count` elements; true when all have been. */
  step(count: number): boolean {
    for (let left = count; left > 0; left -= 1) {
      const next = this.elements.next();
      if (next.done === true) {
        if (this.value instanceof StreamValue) this.addGroups(this.value);
        return true;
      }
      this.hash(next.value);
      this.add();
      this.taken += 1;
    }
    return false;
  }

  private hash(element: unknown): void {
    switch (this.value.type) {
      case 'list':
        HASH.begin(this.taken).text(element as string);
        return;
      case 'set':
        HASH.begin(0).text(element as string);
        return;
      case 'zset': {
        const [member, score] = element as [string, number];
        HASH.begin(0).text(member).double(score);
        return;
      }
      case 'hash': {
        const [field, content] = element as [string, string];
        HASH.begin(0).text(field).text(content);
        const expiry = (this.value as HashValue).expiryOf(field);
        if (expiry >= 0) HASH.double(expiry);
        return;
      }
      case 'stream': {
        const [id, fields] = element as [StreamId, readonly string[]];
        HASH.begin(fields.length).text(`${id.ms}-${id.seq}`);
        for (const field of fields) HASH.text(field);
      }
    }
  }

  private addGroups(stream: StreamValue): void {
    for (const [name, { lastId, pending }] of stream.groups) {
      HASH.begin(GROUP).text(name).text(`${lastId.ms}-${lastId.seq}`).word(pending.size);
      this.add();
    }
  }

  private add(): void {
    HASH.end();
    this.a = (this.a + HASH.a) | 0;
    this.b = (this.b + HASH.b) | 0;
    this.c = (this.c + HASH.c) | 0;
    this.d = (this.d + HASH.d) | 0;
  }
}

function iterate(value: Value): Iterator<unknown, void, undefined> {
  if (value instanceof ListValue || value instanceof HashValue) return value[Symbol.iterator]();
  if (value instanceof SetValue || value instanceof ZSetValue) return value[Symbol.iterator]();
  if (value instanceof StreamValue) return value[Symbol.iterator]();
  throw new Error(`no digest for a value of type ${value.type}`);
}
