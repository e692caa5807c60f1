import type { Client } from '../command/client.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';

/**
 * Writes out-of-band data to a client. While one of its own commands runs, the data waits until that one's reply is
 * complete (`pending_push_messages` in networking.c): nothing may stand inside a reply.
 */
export function push(client: Client, write: (reply: ReplyWriter) => void): void {
  const { server } = client;
  const send = (): void => {
    if (client.isClosed) return;
    write(client.reply);
    client.markDirty();
  };
  if (server.executor.isAnswering(client)) {
    server.executor.afterReply(client, send);
    return;
  }
  send();
  server.requestSettle();
}
