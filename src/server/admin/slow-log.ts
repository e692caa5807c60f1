import type { Client } from '../command/client.ts';
import type { Command } from '../command/command.ts';
import type { Args } from '../resp/args.ts';
import type { Server } from '../server.ts';
import { redact } from './redact.ts';

/** A command that took long. */
export interface SlowEntry {
  readonly id: number;
  /** Unix time in seconds. */
  readonly at: number;
  readonly usec: number;
  readonly argv: readonly string[];
  readonly peer: string;
  readonly name: string;
}

const MAX_ARGUMENTS = 32;
const MAX_ARGUMENT_BYTES = 128;

/** The newest slow commands first (slowlog.c). */
export class SlowLog {
  entries: SlowEntry[] = [];
  #nextId = 0;

  attach(server: Server): void {
    server.config.onChange('slowlog-log-slower-than', (value) => {
      server.slowUsec = Number(value) < 0 ? Infinity : Number(value);
    });
    server.config.onChange('slowlog-max-len', (value) => {
      this.entries.length = Math.min(this.entries.length, Number(value));
    });
    server.noteSlow = (client, command, args, usec) => this.#add(client, command, args, usec);
  }

  clear(): void {
    this.entries = [];
  }

  #add(client: Client, command: Command, args: Args, usec: number): void {
    const { server } = client;
    const maxEntries = server.config.number('slowlog-max-len');
    const real = server.executor.current ?? client;
    const argv = shorten(redact(command, args.strings()));
    this.entries.unshift({
      id: this.#nextId,
      at: Math.floor(server.now / 1000),
      usec: Math.round(usec),
      argv,
      peer: real.transport?.peer ?? '',
      name: real.name,
    });
    this.#nextId += 1;
    this.entries.length = Math.min(this.entries.length, maxEntries);
  }
}

function shorten(argv: readonly string[]): string[] {
  const kept = argv.length > MAX_ARGUMENTS ? argv.slice(0, MAX_ARGUMENTS - 1) : argv;
  const shown = kept.map((arg) =>
    arg.length > MAX_ARGUMENT_BYTES
      ? `${arg.slice(0, MAX_ARGUMENT_BYTES)}... (${String(arg.length - MAX_ARGUMENT_BYTES)} more bytes)`
      : arg,
  );
  const left = argv.length - kept.length;
  return left > 0 ? [...shown, `... (${String(left)} more arguments)`] : shown;
}
