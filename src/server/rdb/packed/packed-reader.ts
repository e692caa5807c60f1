/**
 * Walks one packed encoding (listpack, ziplist, zipmap, intset) front to back without materialising it.
 *
 * The constructor checks the header, `next` each element; both throw `MalformedData`.
 */
export interface PackedReader {
  /** False once the end marker is reached. */
  readonly hasNext: boolean;
  next(): string;
}
