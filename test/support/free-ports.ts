import { createServer } from 'node:net';

/**
 * Ports on loopback that nobody listens on now, below the ephemeral range so that no outgoing connection takes one
 * between the probe and its use. Each test file draws from its own stretch.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let attempt = 0; found.length < count; attempt += 1) {
    if (attempt > 200 + count) throw new Error(`no ${count} free ports after ${attempt} probes`);
    const port = 12_000 + Math.floor(Math.random() * 19_000);
    if (!found.includes(port) && (await isFree(port))) found.push(port);
  }
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
