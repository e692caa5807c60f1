/** Methods every Node.js Buffer has, undocumented but stable, that skip the look-up of an encoding by its name. */
interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
