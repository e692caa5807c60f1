import { Admin } from '../../../src/server/admin/admin.ts';
import { Shutdown } from '../../../src/server/admin/shutdown.ts';
import type { Clock, Timer } from '../../../src/server/clock.ts';
import type { Client } from '../../../src/server/command/client.ts';
import { LiveConfig } from '../../../src/server/config/live-config.ts';
import { FAMILIES } from '../../../src/server/families.ts';
import type { Transport } from '../../../src/server/net/transport.ts';
import { Args } from '../../../src/server/resp/args.ts';
import { Server } from '../../../src/server/server.ts';

/** Time that moves only when told to. */
class FakeClock implements Clock {
  nowMs = 1_700_000_000_000;
  #timers: { atMs: number; run: () => void; everyMs: number | undefined }[] = [];

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#add({ atMs: this.nowMs + delayMs, run, everyMs: undefined });
  }

  every(periodMs: number, run: () => void): Timer {
    return this.#add({ atMs: this.nowMs + periodMs, run, everyMs: periodMs });
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  advance(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > end) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      if (next.everyMs === undefined) this.#timers = this.#timers.filter((timer) => timer !== next);
      else next.atMs += next.everyMs;
      next.run();
    }
    this.nowMs = end;
  }

  #add(timer: { atMs: number; run: () => void; everyMs: number | undefined }): Timer {
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }
}

/** A client's end of an in-memory connection. */
export class Peer implements Transport {
  readonly client: Client;
  readonly local = '127.0.0.1:6379';
  readonly peer: string;
  readonly fd = 7;
  readonly isUnixSocket = false;
  isOpen = true;
  /** Bytes the peer has not taken. */
  pendingBytes = 0;
  #received = '';
  readonly #own: AdminServer;

  constructor(own: AdminServer, peer: string) {
    this.#own = own;
    this.peer = peer;
    this.client = own.server.connect(this);
  }

  write(bytes: Uint8Array): void {
    this.#received += Buffer.from(bytes).toString('latin1');
  }

  writeNow(bytes: Uint8Array, length: number): number {
    this.write(bytes.subarray(0, length));
    return length;
  }

  pause(): void {
    this.#received += '';
  }

  resume(): void {
    this.#received += '';
  }

  end(): void {
    this.isOpen = false;
  }

  close(): void {
    this.isOpen = false;
  }

  /** Sends a command line and gives what came back since the last call. */
  call(...argv: string[]): string {
    return this.pipeline([argv]);
  }

  /** Sends several at once. */
  pipeline(commands: readonly (readonly string[])[]): string {
    const buf = Buffer.concat(commands.map((argv) => Args.of(argv).buf));
    this.#own.server.receive(this.client, buf, 0, buf.length);
    return this.take();
  }

  take(): string {
    this.#own.clock.advance(0);
    const received = this.#received;
    this.#received = '';
    return received;
  }
}

/** A server with its administration, without sockets, disk or real time. */
export class AdminServer {
  readonly clock = new FakeClock();
  readonly config: LiveConfig;
  readonly shutdown = new Shutdown();
  readonly admin: Admin;
  readonly server: Server;
  readonly log: string[] = [];

  constructor(settings: Readonly<Record<string, string>> = {}) {
    this.config = new LiveConfig(new Map(Object.entries({ save: '', ...settings })));
    this.admin = new Admin(
      this.config,
      {
        executable: 'replctl-server',
        configFile: '',
        pid: 1,
        tcpPort: () => 6379,
        memory: () => ({ rss: 0, heapTotal: 0, heapUsed: 0 }),
        cpu: () => ({ system: 0, user: 0 }),
        totalMemoryBytes: 0,
        osName: 'test',
      },
      this.shutdown,
    );
    this.server = new Server({
      clock: this.clock,
      random: () => 0,
      log: (_level, line) => this.log.push(line),
      config: this.config,
      families: [...FAMILIES, ...this.admin.families],
    });
    this.admin.attach(this.server, []);
  }

  connect(peer = '127.0.0.1:50000'): Peer {
    return new Peer(this, peer);
  }
}
