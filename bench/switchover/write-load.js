// Writers in a process of their own, for switchover.bench.js: unique values, every acknowledgement remembered. Each
// does what an application with ioredis does: a connection per node that reconnects by itself, and when a write fails,
// ask every node for its ROLE until one says master, then go on there. Talks to its parent by messages.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const BATCH = 16;
const PROBE_EVERY_MS = 1;
const RECONNECT_AFTER_MS = 1;
const CHUNK = 1_000;

class Load {
  acked = [];
  gaps = [];
  isStopped = false;

  constructor({ ports, master, writers, perSecond, prefix }) {
    this.ports = ports;
    this.master = master;
    this.prefix = prefix;
    this.everyMs = (1000 * BATCH * writers) / perSecond;
    this.probes = new Map(ports.map((port) => [port, connect(port)]));
    this.running = Array.from({ length: writers }, (_, writer) => this.write(writer));
  }

  /** Forgets gaps so far, and counts writes from here. */
  mark() {
    this.gaps = this.gaps.map(({ lastMs }) => ({ lastMs, longestMs: 0 }));
    this.markedMs = performance.now();
    this.ackedBefore = this.acked.length;
  }

  report() {
    const nowMs = performance.now();
    return {
      gapMs: Math.max(...this.gaps.map(({ lastMs, longestMs }) => Math.max(longestMs, nowMs - lastMs))),
      acked: this.acked.length - this.ackedBefore,
      perSecond: (1000 * (this.acked.length - this.ackedBefore)) / (nowMs - this.markedMs),
    };
  }

  async stop() {
    this.isStopped = true;
    await Promise.all(this.running);
    for (const client of this.probes.values()) client.disconnect();
  }

  /** Acknowledged writes that a node has not got; those it has are taken away there. */
  async verify(port) {
    const client = connect(port);
    let lost = 0;
    for (let start = 0; start < this.acked.length; start += CHUNK) {
      const keys = this.acked.slice(start, start + CHUNK);
      const values = await client.mget(keys);
      lost += keys.filter((key, index) => values[index] !== key).length;
      await client.unlink(keys);
    }
    client.disconnect();
    return lost;
  }

  async write(writer) {
    const clients = new Map(this.ports.map((port) => [port, connect(port)]));
    const gap = { lastMs: performance.now(), longestMs: 0 };
    this.gaps[writer] = gap;
    let dueMs = performance.now();
    for (let round = 0; !this.isStopped; round++) {
      const keys = Array.from({ length: BATCH }, (_, index) => `${this.prefix}:${writer}:${round}:${index}`);
      const results = await settle(clients.get(this.master), keys);
      const done = keys.filter((_, index) => results[index] === 'OK');
      if (done.length > 0) {
        const nowMs = performance.now();
        // Gaps of a mark are another object by now.
        const mine = this.gaps[writer];
        mine.longestMs = Math.max(mine.longestMs, nowMs - mine.lastMs);
        mine.lastMs = nowMs;
        for (const key of done) this.acked.push(key);
      }
      if (done.length < BATCH) await this.findMaster();
      dueMs = Math.max(dueMs + this.everyMs, performance.now() - 100);
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
    }
    for (const client of clients.values()) client.disconnect();
  }

  /** One search at a time serves all writers. */
  findMaster() {
    this.search ??= this.probe().finally(() => (this.search = undefined));
    return this.search;
  }

  /** Nodes are asked side by side: one that does not answer holds up nobody. */
  async probe() {
    const search = { isOver: false };
    this.master = await Promise.race(this.ports.map((port) => this.awaitRole(port, search)));
    search.isOver = true;
  }

  async awaitRole(port, search) {
    while (!search.isOver && !this.isStopped) {
      const [role] = await this.probes
        .get(port)
        .call('ROLE')
        .catch(() => [null]);
      if (role === 'master') return port;
      await sleep(PROBE_EVERY_MS);
    }
    return this.master;
  }
}

function connect(port) {
  const client = new Redis({
    port,
    host: '127.0.0.1',
    retryStrategy: () => RECONNECT_AFTER_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  client.on('error', () => undefined);
  return client;
}

async function settle(client, keys) {
  const results = await Promise.allSettled(keys.map((key) => client.set(key, key)));
  return results.map((result) => (result.status === 'fulfilled' ? result.value : null));
}

let load;
const answers = {
  async start(options) {
    load = new Load(options);
  },
  async mark() {
    load.mark();
  },
  async report() {
    return load.report();
  },
  stop: () => load.stop(),
  verify: ({ port }) => load.verify(port),
};

process.on('message', ({ ask, ...options }) => {
  answers[ask](options).then(
    (answer) => process.send({ answer }),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
