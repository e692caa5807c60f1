import { connect } from 'node:net';

/** Whether somebody accepts connections there, seen from this machine; null when so, else why not. */
export function tryAddress(host: string, port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (trouble: string | null): void => {
      socket.destroy();
      resolve(trouble);
    };
    socket.setTimeout(timeoutMs, () => end(`no answer within ${timeoutMs} ms`));
    socket.once('connect', () => end(null));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
