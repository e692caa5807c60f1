/** What an entry of a set of names costs beyond its characters, with the way back from the name to its clients. */
const ENTRY_BYTES = 80;

/** Bytes that a name costs which a client watches, listens to or tracks keys by. */
export function nameCost(name: string): number {
  return name.length + ENTRY_BYTES;
}
