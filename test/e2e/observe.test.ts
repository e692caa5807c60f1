import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { tryConnect } from '../../src/observe/client.ts';
import type { Observation } from '../../src/observe/observation.ts';
import { ErrorReply } from '../../src/observe/reply.ts';
import type { ReadyVerdict } from '../../src/observe/ready.ts';
import { ENGINES, type TestEngine, hasEngine } from '../support/engines.ts';
import { RawNodes } from '../support/raw-nodes.ts';
import { poll } from '../support/poll.ts';

let raw: RawNodes | null = null;
afterEach(async () => {
  await raw?.destroy();
  raw = null;
});

const CHAIN = { top: null, middle: 'top', leaf: 'middle' };

async function declare(kind: TestEngine, tree: Record<string, string | null> = CHAIN): Promise<RawNodes> {
  raw = await RawNodes.declare(kind, tree);
  return raw;
}

describe.each(ENGINES)('observing %s', (kind) => {
  it.skipIf(!hasEngine(kind))(
    'reads a chain: who follows whom, and no child ahead of its parent',
    async () => {
      const nodes = await declare(kind);
      await nodes.start();
      const seen = new Map<string, ReadyVerdict[]>();
      await nodes.ready(60_000, (id, verdict) => seen.set(id, [...(seen.get(id) ?? []), verdict]));
      expect(seen.get('leaf')?.at(-1)).toEqual({ ready: true });
      await nodes.call('top', 'SET', 'k', 'v');
      const observation = await nodes.observe();
      const facts = [...observation.nodes.values()].map((node) =>
        node.kind === 'live'
          ? [
              node.id,
              node.role.role,
              node.follows?.node ?? null,
              node.listed.map((entry) => entry.node),
              node.process.isOurs,
            ]
          : [node.id, node.reason],
      );
      expect(facts).toEqual([
        ['top', 'master', null, ['middle'], true],
        ['middle', 'replica', 'top', ['leaf'], true],
        ['leaf', 'replica', 'middle', [], true],
      ]);
      const offsets = ['top', 'middle', 'leaf'].map((id) => offsetOf(observation, id));
      expect(offsets).toEqual([...offsets].sort((a, b) => b - a));
      const top = await nodes.live('top');
      expect(top.info.server.pid).toBe(nodes.identity('top').pid);
      expect(top.config.get('daemonize')).toBe('no');
      expect(top.process.conf).toContainEqual({ name: 'port', args: [String(nodes.node('top').port)] });
      expect(top.info.replication.backlog.isActive).toBe(true);
    },
  );

  it.skipIf(!hasEngine(kind))('still observes when everything is down', async () => {
    const nodes = await declare(kind);
    const observation = await nodes.observe();
    expect([...observation.nodes.values()]).toEqual(
      ['top', 'middle', 'leaf'].map(
        (id) => expect.objectContaining({ kind: 'dead', id, reason: 'refused' }) as unknown,
      ),
    );
  });

  it.skipIf(!hasEngine(kind))('says why a replica cannot log in, and shows no secret', async () => {
    const nodes = await declare(kind, { top: null, leaf: 'top' });
    await nodes.start(['top'], ['requirepass sesame-7']);
    await nodes.start(['leaf'], ['masterauth wrong-7', 'requirepass sesame-7']);
    const locked = await nodes.observe();
    expect(locked.nodes.get('top')).toMatchObject({ kind: 'dead', reason: 'auth' });
    nodes.usePassword('top', 'sesame-7');
    nodes.usePassword('leaf', 'sesame-7');
    const leaf = await poll('the link to fail', async () => {
      const node = await nodes.live('leaf');
      return node.info.replication.link?.isUp === false && node.parentSays !== null ? node : false;
    });
    expect(leaf.parentSays).toEqual({ errorCode: 'WRONGPASS', command: 'AUTH' });
    expect(leaf.secrets).toEqual({ requirepass: 'declared', masterauth: 'other' });
    expect(leaf.config.get('masterauth')).toBe('***');
    const everything = JSON.stringify([leaf, await nodes.live('top')], (_, value: unknown) =>
      value instanceof Map ? [...value] : value,
    );
    expect(everything).not.toMatch(/sesame-7|wrong-7/);
  });

  it.skipIf(!hasEngine(kind))('gives up waiting with the reason of each node', async () => {
    const nodes = await declare(kind);
    await nodes.start(['top']);
    await nodes.start(['leaf'], ['repl-timeout 2']);
    await expect(nodes.ready(2_000)).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { nodes: { middle: 'down', leaf: 'link-down' } },
    });
  });

  it.skipIf(!hasEngine(kind))('answers errors as values and runs transactions', async () => {
    const nodes = await declare(kind, { top: null });
    await nodes.start();
    expect(await nodes.call('top', 'NOSUCHCOMMAND')).toBeInstanceOf(ErrorReply);
    const connected = await tryConnect(nodes.node('top'), { password: null, timeoutMs: 30_000 });
    if (!connected.ok) throw new Error(connected.said);
    const { client } = connected;
    expect(
      await client.transaction([
        ['SET', 'a', '1'],
        ['INCR', 'a'],
      ]),
    ).toEqual(['OK', 2]);
    expect(await client.transaction([['SET', 'a']])).toMatchObject({ code: 'EXECABORT' });
    expect(
      await client.pipeline([
        ['GET', 'a'],
        ['LPUSH', 'a', 'x'],
        ['GET', 'none'],
      ]),
    ).toEqual(['2', expect.objectContaining({ code: 'WRONGTYPE' }), null]);
    await nodes.stop('top');
    await expect(client.call('PING')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    client.close();
  });
});

describe('what does not answer like a server', () => {
  async function listen(onData: string | null): Promise<{ port: number; close: () => void }> {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', () => (onData === null ? undefined : socket.write(onData)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { port, close: () => server.close() };
  }

  it.each([
    ['foreign', 'HTTP/1.1 400 Bad Request\r\n\r\n', 30_000],
    ['timeout', null, 300],
    ['auth', '-DENIED Redis is running in protected mode\r\n', 30_000],
    ['error', '-ERR max number of clients reached\r\n', 30_000],
  ])('is told apart as %s', async (reason, answer, timeoutMs) => {
    const server = await listen(answer);
    const endpoint = { id: 'it', host: '127.0.0.1', port: server.port, tls: null, auth: { user: null } };
    const result = await tryConnect(endpoint, { password: null, timeoutMs });
    server.close();
    expect(result).toMatchObject({ ok: false, reason });
  });
});

function offsetOf(observation: Observation, id: string): number {
  const node = observation.nodes.get(id);
  return node?.kind === 'live' ? node.info.replication.offset : -1;
}
