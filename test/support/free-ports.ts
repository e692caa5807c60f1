import { createServer, type Server } from 'node:net';

const FIRST = 12_000;
const STRETCHES = 95;
const STRETCH_SIZE = 200;

let unused: number[] = [];

/**
 * Ports on loopback that nobody listens on now, below the ephemeral range so that no outgoing connection takes one
 * between the probe and its use. No two test files are given the same one while both run.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    if (unused.length === 0) unused = await claimStretch();
    const port = unused.shift();
    if (port !== undefined && (await isFree(port))) found.push(port);
  }
  return found;
}

/**
 * Whoever listens on the first port of a stretch owns the rest of it, until its process ends: a node that is down for a
 * while keeps its port that way, though nobody listens there.
 */
async function claimStretch(): Promise<number[]> {
  const start = Math.floor(Math.random() * STRETCHES);
  for (let step = 0; step < STRETCHES; step += 1) {
    const first = FIRST + ((start + step) % STRETCHES) * STRETCH_SIZE;
    const claim = await listen(first);
    if (claim === null) continue;
    claim.unref();
    return Array.from({ length: STRETCH_SIZE - 1 }, (_, index) => first + 1 + index);
  }
  throw new Error(`every one of the ${STRETCHES} stretches of ports is claimed`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = await listen(port);
  if (probe === null) return false;
  await new Promise((resolve) => probe.close(resolve));
  return true;
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
