// What switchover.bench.js switches over: a tree that replctl made, and three ways to give another node the role.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';

const run = promisify(execFile);
const BIN = path.join(import.meta.dirname, '..', '..', 'bin', 'run.js');
const CONVERGE_TIMEOUT_MS = 60_000;

/** Five nodes in three levels, made by `replctl up`. */
export class Tree {
  dir = mkdtempSync(path.join(tmpdir(), 'replctl-bench-'));

  constructor(engine, firstPort) {
    this.engine = engine;
    this.ports = Array.from({ length: 5 }, (_, index) => firstPort + index);
    [this.master] = this.ports;
  }

  async up() {
    const [a, b, c, d, e] = this.ports;
    writeFileSync(
      path.join(this.dir, 'topology.yaml'),
      `name: bench\nengine: ${this.engine}\n` +
        'defaults: {config: {repl-backlog-size: 64mb, repl-diskless-sync-delay: 0, save: ""}}\n' +
        `master: ${a}\nreplicas:\n  - {port: ${b}, replicas: [${d}]}\n  - {port: ${c}, replicas: [${e}]}\n`,
    );
    await this.replctl('up', '--quiet');
    this.clients = new Map(
      this.ports.map((port) => [port, new Redis({ port, host: '127.0.0.1', protocol: 2 })]),
    );
    for (const client of this.clients.values()) client.on('error', () => undefined);
  }

  async down() {
    for (const client of this.clients?.values() ?? []) client.disconnect();
    await this.replctl('down', '--quiet');
    rmSync(this.dir, { recursive: true, force: true });
  }

  async replctl(...args) {
    const { stdout } = await run(process.execPath, [BIN, ...args], { cwd: this.dir });
    return stdout;
  }

  async info(port) {
    const text = await this.clients.get(port).info('everything');
    return Object.fromEntries(
      text.split('\r\n').flatMap((line) => {
        const at = line.indexOf(':');
        return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
      }),
    );
  }

  async fullSyncs() {
    const infos = await Promise.all(this.ports.map((port) => this.info(port)));
    return infos.reduce((sum, info) => sum + Number(info.sync_full), 0);
  }

  /** Until every node is linked and has what the master has. */
  async converged() {
    const deadlineMs = performance.now() + CONVERGE_TIMEOUT_MS;
    for (;;) {
      const { master_replid: replid, master_repl_offset: offset } = await this.info(this.master);
      const others = await Promise.all(
        this.ports.filter((port) => port !== this.master).map((port) => this.info(port)),
      );
      const isThere = (info) =>
        info.master_link_status === 'up' &&
        info.master_replid === replid &&
        Number(info.slave_repl_offset) >= Number(offset);
      if (others.every(isThere)) return;
      if (performance.now() > deadlineMs) throw new Error(`${this.engine}: the tree does not converge`);
      await sleep(10);
    }
  }

  async parents() {
    const entries = await Promise.all(
      this.ports.map(async (port) => [port, Number((await this.info(port)).master_port ?? 0)]),
    );
    return new Map(entries);
  }
}

/** `replctl promote`, to any node. Before it the tree is brought back to three levels. */
export const replctl = {
  async prepare(tree) {
    const parents = await tree.parents();
    const inner = new Set(parents.values());
    if ([...parents.values()].some((parent) => parent !== 0 && parent !== tree.master)) return;
    const [first, second, third, fourth] = tree.ports.filter((port) => !inner.has(port));
    await tree.replctl('move', String(first), '--under', String(second), '--quiet');
    await tree.replctl('move', String(third), '--under', String(fourth), '--quiet');
  },
  choose: (tree, random) =>
    pick(
      random,
      tree.ports.filter((port) => port !== tree.master),
    ),
  async switch(tree, target) {
    const { writeGapMs, stages } = JSON.parse(await tree.replctl('promote', String(target), '--json'));
    return { writeGapMs, stages };
  },
};

/** FAILOVER of the servers themselves (Redis 6.2 and later): to a direct replica only. */
export const failover = {
  async prepare() {},
  async choose(tree, random) {
    const parents = await tree.parents();
    return pick(
      random,
      tree.ports.filter((port) => parents.get(port) === tree.master),
    );
  },
  async switch(tree, target) {
    await tree.clients.get(tree.master).call('FAILOVER', 'TO', '127.0.0.1', String(target));
    while ((await tree.info(target)).role !== 'master') await sleep(5);
    return {};
  },
};

/** What is usually run by hand: the target first, then everybody else. */
export const script = {
  async prepare() {},
  choose: replctl.choose,
  async switch(tree, target) {
    const others = tree.ports.filter((port) => port !== target);
    await run('sh', [
      '-ec',
      `redis-cli -p ${target} replicaof no one; for p in ${others.join(' ')}; do redis-cli -p $p replicaof 127.0.0.1 ${target}; done`,
    ]);
    return {};
  },
};

function pick(random, items) {
  return items[Math.floor(random() * items.length)];
}
