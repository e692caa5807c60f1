import net from 'node:net';
import type { Server } from '../server.ts';
import { SocketFactory, attach, type ConnectionEvents } from './socket-transport.ts';
import type { Transport } from './transport.ts';

/** Where to listen: an address and port, or the path of a unix socket. */
export type Endpoint =
  | { readonly host: string; readonly port: number; readonly backlog?: number; readonly ipv6Only?: boolean }
  | { readonly path: string };

/** Accepts connections on one endpoint and lets the server deal with what they send. */
export class Listener {
  private readonly server: Server;
  private readonly sockets = new SocketFactory();
  private readonly acceptor: net.Server;

  constructor(server: Server) {
    this.server = server;
    const keepAliveSeconds = server.config.number('tcp-keepalive');
    this.acceptor = net.createServer(
      {
        pauseOnConnect: true,
        noDelay: true,
        allowHalfOpen: false,
        keepAlive: keepAliveSeconds > 0,
        keepAliveInitialDelay: keepAliveSeconds * 1000,
      },
      (socket) => this.sockets.wrap(socket, (transport) => this.serve(transport)),
    );
  }

  /** Resolves with the port (0 for a unix socket); rejects with the system's error. */
  async listen(endpoint: Endpoint): Promise<number> {
    return new Promise((resolve, reject) => {
      this.acceptor.once('error', reject);
      this.acceptor.listen({ backlog: 511, ...endpoint }, () => {
        this.acceptor.off('error', reject);
        const address = this.acceptor.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  /** Takes no more connections. Those there are stay. */
  close(): void {
    this.acceptor.close();
  }

  /** Serves a connection that was accepted elsewhere (TLS). */
  adopt(socket: net.Socket): void {
    attach(socket, (transport) => this.serve(transport));
  }

  private serve(transport: Transport): ConnectionEvents {
    const { server } = this;
    const client = server.connect(transport);
    return {
      data: (chunk, start, end) => server.receive(client, chunk, start, end),
      drained: () => client.onDrain?.(),
      ended: () => client.closeAfterReply(),
      gone: () => client.close(true),
    };
  }
}
