import type { Client } from '../command/client.ts';
import { FLAG, type Command } from '../command/command.ts';
import { SERVER_GATE } from '../command/gates.ts';
import { quoteAlways } from '../../conf/quote-value.ts';
import { push } from '../pubsub/push.ts';
import type { Args } from '../resp/args.ts';
import type { Server } from '../server.ts';
import { redact } from './redact.ts';

/** Clients that run MONITOR and are shown every command of the others. */
export class Monitors {
  readonly #clients = new Set<Client>();

  attach(server: Server): void {
    server.onGone.push((client) => this.remove(client));
    server.feedMonitors = (client, command, args) => this.#feed(client, command, args);
  }

  has(client: Client): boolean {
    return this.#clients.has(client);
  }

  get size(): number {
    return this.#clients.size;
  }

  add(client: Client): void {
    this.#clients.add(client);
    client.server.setGate(SERVER_GATE.monitored, true);
  }

  remove(client: Client): void {
    if (this.#clients.delete(client)) client.server.setGate(SERVER_GATE.monitored, this.#clients.size > 0);
  }

  #feed(client: Client, command: Command, args: Args): void {
    if ((command.flags & FLAG.admin) !== 0) return;
    const seconds = (client.server.clock.now() / 1000).toFixed(6);
    const source = client.transport === undefined ? 'lua' : client.transport.peer;
    const words = redact(command, args.strings()).map((word) => quoteAlways(Buffer.from(word, 'latin1')));
    const line = `${seconds} [${String(client.dbIndex)} ${source}] ${words.join(' ')}`;
    for (const monitor of this.#clients) if (monitor !== client) push(monitor, (reply) => reply.simple(line));
  }
}
