import net from 'node:net';
import { freePorts } from './free-ports.ts';

export interface TcpProxy {
  readonly port: number;
  /** Connections made through it so far. */
  readonly connectionCount: () => number;
  /** Breaks every connection; new ones are let through again at once. */
  cut(): void;
  /** Refuses new connections until `open`. */
  close(): void;
  open(): void;
  /** Says something to everybody connected that the server behind it never said. */
  inject(bytes: string): void;
  /** New connections go to another port, as if the server had been restarted there. */
  retarget(port: number): void;
  readonly stop: () => Promise<void>;
}

/** A way to a port on loopback that can be cut. */
export async function startTcpProxy(firstPort: number): Promise<TcpProxy> {
  const [port] = (await freePorts(1)) as [number];
  const sockets = new Set<net.Socket>();
  const clients = new Set<net.Socket>();
  let isOpen = true;
  let targetPort = firstPort;
  let connectionCount = 0;
  const server = net.createServer((near) => {
    if (!isOpen) {
      near.destroy();
      return;
    }
    connectionCount += 1;
    clients.add(near);
    near.on('close', () => clients.delete(near));
    const far = net.connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    connectionCount: () => connectionCount,
    cut,
    close: () => {
      isOpen = false;
      cut();
    },
    open: () => {
      isOpen = true;
    },
    inject: (bytes) => {
      for (const client of clients) client.write(bytes);
    },
    retarget: (port) => {
      targetPort = port;
    },
    stop: async () => {
      cut();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
