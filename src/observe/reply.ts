/** An error the server answered with: a value, since which ones matter is for the caller to say. */
export class ErrorReply {
  /** First word of the reply: `NOAUTH`, `LOADING`, `ERR`. Stable, unlike the text behind it. */
  readonly code: string;
  readonly message: string;

  constructor(message: string) {
    this.message = message;
    this.code = message.split(' ', 1)[0] ?? '';
  }
}

/** A RESP2 reply; strings as UTF-8. */
export type Reply = string | number | null | ErrorReply | readonly Reply[];

/** A RESP2 reply; strings as the bytes they are. */
export type RawReply = Buffer | number | null | ErrorReply | readonly RawReply[];
