import { poll } from './poll.ts';
import { RawConnection } from './raw-connection.ts';

/** Waits until the server has begun what a connection sent and holds it in a blocking command. */
export async function untilBlocked(port: number, waiting: RawConnection): Promise<void> {
  await untilListed(port, `the connection from ${waiting.localPort} to be blocked`, (listed) =>
    /^flags=\w*b/m.test(listed.get(waiting.localPort)?.replaceAll(' ', '\n') ?? ''),
  );
}

/** Waits until the server has noticed that connections were closed, and forgotten what they subscribed to. */
export async function untilGone(port: number, closed: readonly RawConnection[]): Promise<void> {
  await untilListed(port, 'closed connections to be gone', (listed) =>
    closed.every(({ localPort }) => !listed.has(localPort)),
  );
}

/** CLIENT LIST's lines by the port that the client has on its side. */
async function untilListed(
  port: number,
  what: string,
  isSo: (listed: ReadonlyMap<number, string>) => boolean,
): Promise<void> {
  const watcher = await RawConnection.open(port);
  try {
    await poll(what, async () => {
      const lines = (await watcher.call('CLIENT', 'LIST')).split('\n');
      return isSo(new Map(lines.map((line) => [Number(/ addr=[^ ]*:(\d+) /.exec(line)?.[1]), line])));
    });
  } finally {
    watcher.close();
  }
}
