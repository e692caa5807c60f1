import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SYSTEM_CLOCK } from '../../../src/server/clock.ts';
import type { Client } from '../../../src/server/command/client.ts';
import { LiveConfig } from '../../../src/server/config/live-config.ts';
import { FAMILIES } from '../../../src/server/families.ts';
import { Persistence } from '../../../src/server/persistence/persistence.ts';
import { Args } from '../../../src/server/resp/args.ts';
import { Server } from '../../../src/server/server.ts';

/** A server without sockets on a folder of the test's own. */
export class TestServer {
  readonly server: Server;
  readonly persistence: Persistence;
  readonly config: LiveConfig;
  readonly lines: string[] = [];
  readonly #client: Client;

  constructor(folder: string, settings: Readonly<Record<string, string>> = {}) {
    this.config = new LiveConfig(new Map(Object.entries({ dir: folder, save: '', ...settings })));
    this.server = new Server({
      clock: SYSTEM_CLOCK,
      random: (below) => Math.floor(Math.random() * below),
      log: (_, line) => this.lines.push(line),
      config: this.config,
      families: FAMILIES,
    });
    this.persistence = new Persistence(this.server);
    this.#client = this.server.connect();
  }

  /** Runs one command and answers its raw reply. */
  run(...argv: readonly (string | Buffer)[]): string {
    this.server.refreshTime();
    const { reply } = this.#client;
    reply.truncate(0);
    const { buf } = Args.of(argv);
    this.#client.feed(buf, 0, buf.length);
    this.server.beforeReplies();
    const text = reply.buf.toString('latin1', 0, reply.length);
    reply.truncate(0);
    return text;
  }

  /** Runs a command whose reply is one bulk string. */
  bulk(...argv: readonly (string | Buffer)[]): Buffer {
    const reply = this.run(...argv);
    return Buffer.from(reply.slice(reply.indexOf('\n') + 1, -2), 'latin1');
  }
}

/** A folder that is removed when `use` has ended. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-persistence-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
