/**
 * - `cut`: the bytes end in the middle of the file
 * - `corrupt`: the bytes contradict themselves
 * - `checksum`: the trailer is not the CRC64 of what precedes it
 * - `unsupported`: well-formed, but something this reader has no place for (module values, a newer version)
 * - `limit`: a length beyond what the reader was told to accept
 */
export type RdbErrorCode = 'cut' | 'corrupt' | 'checksum' | 'unsupported' | 'limit';

/** Why an RDB file, a full sync or a DUMP payload was refused, and at which byte of it. */
export class RdbError extends Error {
  readonly code: RdbErrorCode;
  /** Bytes from the start of the file or payload to the item that was refused. */
  readonly offset: number;

  constructor(code: RdbErrorCode, reason: string, offset: number, options?: ErrorOptions) {
    super(`${reason} (RDB byte ${offset})`, options);
    this.name = 'RdbError';
    this.code = code;
    this.offset = offset;
  }
}

/** Thrown by the decoders, which don't know where in the file they are; the reader turns it into an `RdbError`. */
export class MalformedData extends Error {
  readonly code: RdbErrorCode;

  constructor(reason: string, code: RdbErrorCode = 'corrupt') {
    super(reason);
    this.name = 'MalformedData';
    this.code = code;
  }
}
