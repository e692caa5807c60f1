import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEngine, probeEngine } from '../../src/hosts/engine.ts';
import type { ProcessIdentity } from '../../src/hosts/host.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { type NodeLaunch, startNode } from '../../src/hosts/start-node.ts';
import { isRunning, stopNode } from '../../src/hosts/stop-node.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';

let dir: string;
let port: number;
let squatter: Server | null = null;
const running: ProcessIdentity[] = [];

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'replctl-start-'));
  [port = 0] = await freePorts(1);
});
afterEach(async () => {
  squatter?.close();
  squatter = null;
  for (const identity of running.splice(0)) await localHost.signal(identity, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

function launch(conf: readonly string[] = []): NodeLaunch {
  const files = {
    node: 'it',
    port,
    dir,
    confFile: path.join(dir, 'redis.conf'),
    pidFile: path.join(dir, 'redis.pid'),
    logFile: path.join(dir, 'redis.log'),
  };
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `pidfile ${files.pidFile}`,
    `logfile ${files.logFile}`,
    'daemonize yes',
    ...conf,
  ];
  writeFileSync(files.confFile, `${lines.join('\n')}\n`);
  return files;
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

describe.each(ENGINES)('%s', (kind) => {
  const engine = findEngine({ kind, command: null }, localHost);
  const start = (files: NodeLaunch): Promise<ProcessIdentity> =>
    startNode(localHost, engine, files, { answers, timeoutMs: 20_000 });

  it.skipIf(!hasEngine(kind))('tells its version', async () => {
    expect((await probeEngine(engine, localHost)).version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it.skipIf(!hasEngine(kind)).each([['yes'], ['no']])(
    'starts with daemonize %s and stops',
    async (daemonize) => {
      const identity = await start(launch([`daemonize ${daemonize}`]));
      running.push(identity);
      expect(readFileSync(path.join(dir, 'redis.pid'), 'utf8').trim()).toBe(String(identity.pid));
      expect(await localHost.portHolder(port)).toMatchObject({ pid: identity.pid });
      expect(await stopNode(localHost, identity, { node: 'it', timeoutMs: 20_000 })).toBe('stopped');
      expect(await stopNode(localHost, identity, { node: 'it', timeoutMs: 20_000 })).toBe('alreadyGone');
      expect(await localHost.portHolder(port)).toBeNull();
    },
  );

  it.skipIf(!hasEngine(kind))('ends what is stopped only when asked to, by waking it', async () => {
    const identity = await start(launch());
    running.push(identity);
    await localHost.signal(identity, 'SIGSTOP');
    await expect(stopNode(localHost, identity, { node: 'it', timeoutMs: 100 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    expect(await isRunning(localHost, identity)).toBe(true);
    const options = { node: 'it', timeoutMs: 20_000, killAfterTimeout: true };
    expect(await stopNode(localHost, identity, options)).toBe('stopped');
  });

  it.skipIf(!hasEngine(kind))('quotes what the server said about a conf it refuses', async () => {
    await expect(start(launch(['maxmemory lots']))).rejects.toMatchObject({
      code: 'NODE_NOT_STARTED',
      details: { log: expect.arrayContaining([expect.stringContaining('maxmemory lots')]) as unknown },
    });
  });

  it.skipIf(!hasEngine(kind))('names who holds the port', async () => {
    const files = launch();
    squatter = createServer();
    await new Promise<void>((resolve) => squatter?.listen(port, '127.0.0.1', resolve));
    await expect(start(files)).rejects.toMatchObject({
      code: 'NODE_NOT_STARTED',
      message: expect.stringContaining(
        `port ${port} on this machine is held by pid ${process.pid}`,
      ) as unknown,
    });
  });
});

it('says when the folder of a node is not one', async () => {
  const files = launch();
  const engine = findEngine({ kind: 'redis', command: null }, localHost);
  await expect(
    startNode(localHost, engine, { ...files, dir: files.confFile }, { answers, timeoutMs: 1_000 }),
  ).rejects.toMatchObject({
    code: 'NODE_NOT_STARTED',
    message: expect.stringContaining('redis.conf') as unknown,
  });
});
