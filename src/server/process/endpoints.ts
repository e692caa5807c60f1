import { chmodSync, rmSync } from 'node:fs';
import type { LiveConfig } from '../config/live-config.ts';
import { Listener, type Endpoint } from '../net/listener.ts';
import type { Server } from '../server.ts';
import type { TlsAcceptor } from './tls-acceptor.ts';
import { findTlsProblem } from './tls-check.ts';

/** Addresses that need not exist on this machine: those with a `-` in front. */
const MISSING_ADDRESS = new Set(['EADDRNOTAVAIL', 'ENOTFOUND']);
/** Kinds of addresses need not exist at all. */
const MISSING_FAMILY = new Set(['EAFNOSUPPORT', 'EPROTONOSUPPORT']);

interface Closable {
  close(): void;
}

/** What went wrong, in Redis' words. */
export class ListenError extends Error {}

/** All that a server listens on: TCP and TLS ports on several addresses, and a unix socket. */
export class Endpoints {
  readonly #server: Server;
  readonly #config: LiveConfig;
  /** Makes a path of the configuration absolute. */
  readonly #resolve: (file: string) => string;
  #tcp: Listener[] = [];
  #tls: TlsAcceptor[] = [];
  #unix: Listener | undefined;
  #unixPath = '';
  #reopening: Promise<unknown> = Promise.resolve();
  /** The TCP port in use, 0 for none. */
  tcpPort = 0;

  constructor(server: Server, config: LiveConfig, resolve: (file: string) => string) {
    this.#server = server;
    this.#config = config;
    this.#resolve = resolve;
  }

  /** Opens everything the configuration names; throws `ListenError`. Returns the kinds that are open. */
  async open(): Promise<string[]> {
    const kinds: string[] = [];
    await this.#openTcp();
    if (this.#tcp.length > 0) kinds.push('tcp');
    await this.#openTls();
    if (this.#tls.length > 0) kinds.push('tls');
    if (this.#config.text('unixsocket') !== '') {
      await this.#openUnix();
      kinds.push('unix');
    }
    if (kinds.length === 0) {
      const text = 'Configured to not listen anywhere, exiting.';
      this.#server.log('warning', text);
      throw new ListenError(text);
    }
    this.#watch();
    return kinds;
  }

  close(): void {
    for (const listener of [...this.#tcp, ...this.#tls]) listener.close();
    this.#unix?.close();
    if (this.#unixPath !== '') rmSync(this.#unixPath, { force: true });
  }

  #watch(): void {
    const unlistened = 'Unable to listen on this port. Check server logs.';
    this.#config.onApply('port', () => this.#reopen(unlistened, true, false));
    this.#config.onApply('tls-port', () => this.#reopen(unlistened, false, true));
    this.#config.onApply('bind', () => this.#reopen('Failed to bind to specified addresses.', true, true));
  }

  /** Closes what is open of these kinds and opens it anew, one change after the other; `refusal` when that fails. */
  async #reopen(refusal: string, isTcp: boolean, isTls: boolean): Promise<string | undefined> {
    const reopened = this.#reopening.then(async () => {
      if (isTcp) closeAll(this.#tcp);
      if (isTls) closeAll(this.#tls);
      try {
        if (isTcp) await this.#openTcp();
        if (isTls) await this.#openTls();
        return undefined;
      } catch (error) {
        if (error instanceof ListenError) return refusal;
        this.#server.log('warning', `Failed to configure TLS: ${String(error)}`);
        return 'Unable to update TLS configuration. Check server logs.';
      }
    });
    this.#reopening = reopened;
    return reopened;
  }

  async #openTcp(): Promise<void> {
    const port = this.#config.number('port');
    this.#tcp = [];
    this.tcpPort = port;
    if (port === 0) return;
    await this.#onEachAddress(port, 'tcp', this.#tcp, async (endpoint) => {
      const listener = new Listener(this.#server);
      await listener.listen(endpoint);
      this.#tcp.push(listener);
    });
  }

  async #openTls(): Promise<void> {
    const port = this.#config.number('tls-port');
    this.#tls = [];
    if (port === 0) return;
    const problem = findTlsProblem(this.#config, this.#resolve);
    if (problem !== undefined) throw new Error(problem);
    const { createTlsAcceptor } = await import('./tls-acceptor.ts');
    await this.#onEachAddress(port, 'tls', this.#tls, async (endpoint) => {
      const acceptor = createTlsAcceptor(this.#server, this.#config, this.#resolve);
      await acceptor.listen(endpoint);
      this.#tls.push(acceptor);
    });
  }

  async #onEachAddress(
    port: number,
    kind: string,
    listeners: readonly Closable[],
    listen: (endpoint: Endpoint) => Promise<void>,
  ): Promise<void> {
    const backlog = this.#config.number('tcp-backlog');
    const addresses = this.#config.words('bind');
    let opened = 0;
    for (const address of addresses) {
      const isOptional = address.startsWith('-');
      const host = isOptional ? address.slice(1) : address;
      try {
        await listen({ ...socketAddress(host), port, backlog });
        opened += 1;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        if (isOptional && MISSING_ADDRESS.has(code)) continue;
        const reason = code === 'EADDRINUSE' ? 'Address already in use' : code;
        this.#server.log(
          'warning',
          `Warning: Could not create server TCP listening socket ${host}:${String(port)}: bind: ${reason}`,
        );
        // As in Redis, a kind of address this machine does not know is skipped as long as others are there.
        if (MISSING_FAMILY.has(code)) continue;
        closeAll(listeners);
        throw this.#failed(port, kind);
      }
    }
    if (opened === 0 && addresses.length > 0) throw this.#failed(port, kind);
  }

  #failed(port: number, kind: string): ListenError {
    const text = `Failed listening on port ${String(port)} (${kind}), aborting.`;
    this.#server.log('warning', text);
    return new ListenError(text);
  }

  async #openUnix(): Promise<void> {
    const file = this.#resolve(this.#config.text('unixsocket'));
    rmSync(file, { force: true });
    const listener = new Listener(this.#server);
    try {
      await listener.listen({ path: file });
    } catch (error) {
      const text = `Failed opening Unix socket: bind: ${error instanceof Error ? error.message : ''}`;
      this.#server.log('warning', text);
      throw new ListenError(text);
    }
    const mode = Number.parseInt(this.#config.text('unixsocketperm'), 8);
    if (mode > 0) chmodSync(file, mode);
    this.#unix = listener;
    this.#unixPath = file;
  }
}

function closeAll(listeners: readonly Closable[]): void {
  for (const listener of listeners) listener.close();
}

/** `*` is every IPv4 address and `::*` every IPv6 one, each by itself. */
function socketAddress(host: string): { readonly host: string; readonly ipv6Only?: boolean } {
  if (host === '*') return { host: '0.0.0.0' };
  if (host === '::*' || host === '::') return { host: '::', ipv6Only: true };
  return host.includes(':') ? { host, ipv6Only: true } : { host };
}
