/**
 * An error reply, thrown by a handler: `text` is what goes after the `-`, beginning with the code word.
 *
 * Those without variable parts are made once, in `errors.ts`; a stack trace means nothing in them, so none is taken.
 */
export class ReplyError extends Error {
  readonly text: string;

  constructor(text: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(text);
    Error.stackTraceLimit = limit;
    this.name = 'ReplyError';
    this.text = text;
  }
}
