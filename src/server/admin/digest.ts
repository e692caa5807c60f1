import { crypto } from '../lazy-crypto.ts';

/** A SHA-1 that things are put into, in order (`mix`) or in any order (`xor`), as DEBUG DIGEST does in debug.c. */
export class Digest {
  readonly bytes = Buffer.alloc(20);

  /** d = d ^ sha1(data). Data are binary strings or bytes. */
  xor(data: string | Uint8Array): this {
    const hash = sha1(data);
    for (let at = 0; at < 20; at += 1) this.bytes[at] = (this.bytes[at] ?? 0) ^ (hash[at] ?? 0);
    return this;
  }

  /** d = sha1(d ^ sha1(data)). */
  mix(data: string | Uint8Array): this {
    this.xor(data);
    this.bytes.set(sha1(this.bytes));
    return this;
  }

  get hex(): string {
    return this.bytes.toString('hex');
  }
}

function sha1(data: string | Uint8Array): Buffer {
  return crypto()
    .createHash('sha1')
    .update(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    .digest();
}
