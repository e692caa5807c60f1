/** A reply as `Client.call` gives it; an error carries its text. */
export type ShownReply = string | number | null | { readonly message: string } | readonly ShownReply[];

/** A reply as redis-cli prints it to a terminal: strings quoted, `(integer) 1`, `(nil)`, `1) …`. */
export function formatReply(reply: ShownReply, indent = ''): string {
  if (reply === null) return '(nil)';
  if (typeof reply === 'number') return `(integer) ${reply}`;
  if (typeof reply === 'string') return quoteReply(reply);
  if (isMessage(reply)) return `(error) ${reply.message}`;
  if (reply.length === 0) return '(empty array)';
  const width = String(reply.length).length;
  return reply
    .map((item, index) => {
      const label = `${String(index + 1).padStart(width)}) `;
      return `${index === 0 ? '' : indent}${label}${formatReply(item, indent + ' '.repeat(label.length))}`;
    })
    .join('\n');
}

/** A reply for a script: strings as they are, one element a line, as `redis-cli` prints into a pipe. */
export function formatRawReply(reply: ShownReply): string {
  if (reply === null) return '';
  if (typeof reply === 'number') return String(reply);
  if (typeof reply === 'string') return reply;
  if (isMessage(reply)) return reply.message;
  return reply.map(formatRawReply).join('\n');
}

/** A reply for `--json`; an error is an object, so that it cannot be taken for a string. */
export function replyToJson(reply: ShownReply): unknown {
  if (reply === null || typeof reply !== 'object') return reply;
  return isMessage(reply) ? { error: reply.message } : reply.map(replyToJson);
}

function isMessage(
  reply: Exclude<ShownReply, string | number | null>,
): reply is { readonly message: string } {
  return 'message' in reply;
}

/** Text of several lines, such as INFO, is shown as it is: quoting would only hide it. */
function quoteReply(text: string): string {
  return text.includes('\n') ? text.replaceAll('\r\n', '\n').trimEnd() : JSON.stringify(text);
}
