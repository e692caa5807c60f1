import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compare } from '../../src/compare/compare.ts';
import type { Finding, FindingCode } from '../../src/compare/finding.ts';
import type { CompareInput } from '../../src/compare/scene.ts';
import { findEngine } from '../../src/hosts/engine.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { type Client, connect } from '../../src/observe/client.ts';
import type { Observation } from '../../src/observe/observation.ts';
import { ErrorReply } from '../../src/observe/reply.ts';
import { type TestEngine, hasEngine } from './engines.ts';
import { freePorts } from './free-ports.ts';
import { keepWriting } from './keep-writing.ts';
import { poll } from './poll.ts';
import { killIfThere } from './processes-in.ts';
import { RawNodes } from './raw-nodes.ts';

const TREE = { m: null, a: 'm', b: 'm', c: 'a', d: 'c' };

let nodes: RawNodes;
let cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

async function declare(kind: TestEngine, tree: Record<string, string | null> = TREE): Promise<RawNodes> {
  const declared = await RawNodes.declare(kind, tree);
  cleanups.push(() => declared.destroy());
  return declared;
}

/** Compares until a code shows; `top` when it must come first. */
async function expectFinding(
  code: FindingCode,
  node: string | null,
  options: {
    readonly top?: boolean;
    readonly earlier?: () => Observation | null;
    readonly timeoutMs?: number;
    readonly change?: (input: CompareInput) => CompareInput;
    readonly before?: () => Promise<void>;
  } = {},
): Promise<Finding> {
  let seen: Finding[] = [];
  const { top = true, change = (input: CompareInput): CompareInput => input } = options;
  try {
    return await poll(code, async () => {
      await options.before?.();
      seen = compare(change(await nodes.input(options.earlier?.() ?? null, options.timeoutMs)));
      const matches = (finding: Finding | undefined): boolean =>
        finding?.code === code && finding.node === node;
      return (top ? [seen[0]] : seen).find(matches) ?? false;
    });
  } catch (error) {
    throw new Error(`no ${code} of ${node}: ${JSON.stringify(seen, null, 1)}`, { cause: error });
  }
}

async function replicaOf(id: string, parent: string): Promise<void> {
  await nodes.call(id, 'REPLICAOF', '127.0.0.1', String(nodes.node(parent).port));
}

async function open(id: string): Promise<Client> {
  const client = await connect(nodes.node(id), { password: null, timeoutMs: 60_000 });
  cleanups.push(() => client.close());
  return client;
}

function editConf(id: string, edit: (conf: string) => string): void {
  const { confFile } = nodes.files(id);
  writeFileSync(confFile, edit(readFileSync(confFile, 'utf8')));
}

/**
 * Every finding that real servers can be brought to show, provoked on them. What needs a server's own hooks for tests
 * (DEBUG CHANGE-REPL-ID, key-load-delay, rdb-key-save-delay) is left to the servers that have them.
 */
export function describeFindings(kind: TestEngine): void {
  describe.skipIf(!hasEngine(kind))(`findings on ${kind}`, () => {
    describe.skipIf(!hasEngine(kind))('a healthy tree', () => {
      beforeEach(async () => {
        nodes = await declare(kind);
        await nodes.start(['m'], ['enable-debug-command local']);
        await nodes.start(['a', 'b', 'c', 'd']);
        await nodes.call('m', 'SET', 'k', 'v');
        await nodes.ready();
        // An acknowledgement may be late on a busy machine.
        await poll('nothing to be found', async () => compare(await nodes.input()).length === 0);
      });

      it('NodeDown: a leaf was stopped', async () => {
        await nodes.stop('d');
        await expectFinding('NodeDown', 'd');
      });

      it('NodeDown and StaleSubtree: a middle node was killed', async () => {
        await nodes.signal('a', 'SIGKILL');
        await expectFinding('NodeDown', 'a');
        await expectFinding('StaleSubtree', 'a', { top: false });
        await expectFinding('StalePidfile', 'a', { top: false });
      });

      it('Unresponsive: its process is stopped', async () => {
        await nodes.signal('b', 'SIGSTOP');
        await expectFinding('Unresponsive', 'b', { timeoutMs: 300 });
      });

      it('AccessDenied: it wants a password replctl has not', async () => {
        await nodes.call('b', 'CONFIG', 'SET', 'requirepass', 'secret-1');
        await expectFinding('AccessDenied', 'b');
      });

      it('PortSquatter: something else has taken the port', async () => {
        await nodes.stop('b');
        const squatter = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
        await new Promise<void>((resolve) => squatter.listen(nodes.node('b').port, '127.0.0.1', resolve));
        cleanups.push(() => squatter.close());
        expect((await expectFinding('PortSquatter', 'b')).evidence).toMatchObject({ holderPid: process.pid });
      });

      it('PortSquatter: another server has taken the port', async () => {
        await nodes.stop('b');
        const { command } = findEngine({ kind, command: null }, localHost);
        const other = await localHost.spawnDetached([...command, '--port', String(nodes.node('b').port)], {
          cwd: nodes.dir,
          outputFile: path.join(nodes.dir, 'other.out'),
        });
        cleanups.push(() => process.kill(other.pid, 'SIGKILL'));
        await expectFinding('PortSquatter', 'b');
      });

      it('UnmanagedProcess: it was restarted by hand', async () => {
        const recorded = nodes.identity('d');
        await nodes.stop('d');
        await nodes.startAgain('d');
        await nodes.ready();
        const byHand = nodes.identity('d');
        nodes.record('d', recorded);
        cleanups.push(() => nodes.record('d', byHand));
        await expectFinding('UnmanagedProcess', 'd');
      });

      it('SplitBrain: a replica was promoted beside the master', async () => {
        await nodes.call('b', 'REPLICAOF', 'NO', 'ONE');
        expect((await expectFinding('SplitBrain', 'b')).evidence).toMatchObject({ relation: 'subset' });
        await nodes.call('b', 'SET', 'k', 'another');
        // Without a backlog nobody counts: a lone master's offset stands still, and its writes cannot be told.
        await expectFinding('SplitBrain', 'b');
      });

      it('WrongRole: a switchover was made by hand', async () => {
        await nodes.call('b', 'REPLICAOF', 'NO', 'ONE');
        await replicaOf('m', 'b');
        await expectFinding('WrongRole', 'b');
      });

      it('NoMaster: the master was made to follow a stranger', async () => {
        const [free = 0] = await freePorts(1);
        await nodes.call('m', 'REPLICAOF', '127.0.0.1', String(free));
        await expectFinding('NoMaster', 'm');
      });

      it('ReplicationRing: the master was made to follow its grandchild', async () => {
        await replicaOf('m', 'c');
        await expectFinding('ReplicationRing', 'm');
      });

      it('StuckFailover: FAILOVER waits for a replica that is stopped', async () => {
        await nodes.signal('b', 'SIGSTOP');
        await nodes.call('m', 'SET', 'k', 'w');
        await nodes.call('m', 'FAILOVER', 'TO', '127.0.0.1', String(nodes.node('b').port));
        await expectFinding('StuckFailover', 'm', { top: false, timeoutMs: 300 });
      });

      it('EmptyMaster: the master came back without its data', async () => {
        await nodes.signal('m', 'SIGKILL');
        // It does not let them in before it is looked at: a replica that gets in is empty at once.
        await nodes.start(['m'], ['requirepass hold-on', 'save ""']);
        nodes.usePassword('m', 'hold-on');
        await expectFinding('EmptyMaster', 'm');
      });

      it('AuthBroken: the master wants a password its replicas have not', async () => {
        await nodes.call('m', 'CONFIG', 'SET', 'requirepass', 'secret-2');
        nodes.usePassword('m', 'secret-2');
        await nodes.call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
        const { evidence } = await expectFinding('AuthBroken', 'a');
        expect(evidence['errorCode']).toBe('NOAUTH');
      });

      it('AuthBroken: the replica user may not replicate', async () => {
        await nodes.call('m', 'ACL', 'SETUSER', 'default', '-psync', '-sync');
        await nodes.call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
        const { evidence } = await expectFinding('AuthBroken', 'a');
        expect(evidence['errorCode']).toBe('NOPERM');
      });

      it('LinkDown: its parent is cut off itself, and takes no replicas', async () => {
        await nodes.call('m', 'ACL', 'SETUSER', 'default', '-psync', '-sync');
        await nodes.call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
        await expectFinding('AuthBroken', 'a');
        await nodes.call('a', 'CLIENT', 'KILL', 'TYPE', 'replica');
        await expectFinding('LinkDown', 'c', { top: false });
      });

      it('WrongParent: it was moved by hand', async () => {
        await replicaOf('d', 'b');
        await expectFinding('WrongParent', 'd');
      });

      it('WrongParent and UnknownReplica: nodes of two deployments are mixed up', async () => {
        const own = nodes;
        const others = await declare(kind, { x: null });
        await others.start();
        await own.call('d', 'REPLICAOF', '127.0.0.1', String(others.node('x').port));
        await expectFinding('WrongParent', 'd');
        nodes = others;
        await expectFinding('UnknownReplica', 'x');
      });

      it.skipIf(kind === 'bundled')(
        'ForeignHistory: the master changed its history under living links',
        async () => {
          await nodes.call('m', 'DEBUG', 'CHANGE-REPL-ID');
          await expectFinding('ForeignHistory', 'a');
        },
      );

      it('AnnounceMismatch: it announces another address', async () => {
        await nodes.call('b', 'CONFIG', 'SET', 'replica-announce-ip', '10.1.2.3');
        await nodes.call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
        await expectFinding('AnnounceMismatch', 'b');
      });

      it('RestartWillDiverge: the relation exists by command only', async () => {
        editConf('b', (conf) => conf.replace(/^replicaof.*$/m, ''));
        await expectFinding('RestartWillDiverge', 'b');
      });

      it('ConfFileEdited: somebody edited the conf', async () => {
        editConf('b', (conf) => conf.replace(/^repl-backlog-size.*$/m, 'repl-backlog-size 3mb'));
        await expectFinding('ConfFileEdited', 'b');
      });

      it('ConfigDrift: CONFIG SET by hand', async () => {
        await nodes.call('b', 'CONFIG', 'SET', 'save', '60 5');
        await expectFinding('ConfigDrift', 'b');
      });

      it('ErrantWritesPossible: a replica was made writable', async () => {
        await nodes.call('b', 'CONFIG', 'SET', 'replica-read-only', 'no');
        await expectFinding('ErrantWritesPossible', 'b');
      });

      it('UnfinishedOperation: a fence was left behind', async () => {
        await nodes.call('m', 'CONFIG', 'SET', 'repl-ping-replica-period', '3600');
        await expectFinding('UnfinishedOperation', 'm');
        await nodes.call('m', 'CONFIG', 'SET', 'min-replicas-to-write', '1000');
        expect((await expectFinding('UnfinishedOperation', 'm')).severity).toBe('error');
      });

      it('ForeignController: a client that subscribes as Sentinels do', async () => {
        const socket = createConnection(nodes.node('m').port, '127.0.0.1');
        cleanups.push(() => socket.destroy());
        socket.write('CLIENT SETNAME sentinel-0a1b2c3d-pubsub\r\nSUBSCRIBE __sentinel__:hello\r\n');
        await expectFinding('ForeignController', 'm');
      });

      it('Unwritable: it demands more replicas than it has', async () => {
        await nodes.call('m', 'CONFIG', 'SET', 'min-replicas-to-write', '3');
        await expectFinding('Unwritable', 'm');
      });

      it('SaveFailing: the snapshot cannot be put in place', async () => {
        mkdirSync(path.join(nodes.files('m').dataDir, 'dump.rdb', 'in-the-way'), { recursive: true });
        // The copy to a replica may have its child running still.
        await poll('a save', async () => !((await nodes.call('m', 'BGSAVE')) instanceof ErrorReply));
        await expectFinding('SaveFailing', 'm');
      });

      it('MemoryPressure: nearly at maxmemory', async () => {
        await expectFinding('MemoryPressure', 'm', {
          // Anew each time: what its connections take comes and goes.
          before: async () => {
            const { usedBytes } = (await nodes.live('m')).info.memory;
            await nodes.call('m', 'CONFIG', 'SET', 'maxmemory', String(Math.round(usedBytes * 1.05)));
          },
        });
      });

      it('ResyncRisk: more is written than the backlog holds', async () => {
        await nodes.call('m', 'CONFIG', 'SET', 'repl-backlog-size', '16384');
        const earlier = await nodes.observe();
        await nodes.call('m', 'SET', 'big', 'x'.repeat(4_000_000));
        await expectFinding('ResyncRisk', 'm', { top: false, earlier: () => earlier });
      });

      // Valkey 8.0 counts no more than a part of what it sends (total_net_repl_output_bytes): there it takes a second look.
      it.skipIf(kind === 'valkey')(
        'ResyncRisk: at first sight, by the rate the master measures',
        async () => {
          await nodes.call('m', 'CONFIG', 'SET', 'repl-backlog-size', '16384');
          const client = await open('m');
          cleanups.push(keepWriting(() => client.call('SET', 'big', 'x'.repeat(50_000)), 20));
          const { evidence } = await expectFinding('ResyncRisk', 'm', { top: false });
          expect(evidence['bytesPerSecond']).toBeGreaterThan(0);
        },
      );

      it('NotApplied: the file was edited', async () => {
        await expectFinding('NotApplied', 'd', {
          change: (input) => ({
            ...input,
            applied: input.topology.nodes.map((node) => (node.id === 'd' ? { ...node, parent: 'm' } : node)),
          }),
        });
      });

      it('LagHigh, AckStalled: a replica falls behind', async () => {
        const strict = {
          lagBytes: -1,
          applyBacklogBytes: 2 ** 40,
          ackSeconds: 99,
          memoryShare: 1,
          backlogHeadroom: 1,
        };
        await expectFinding('LagHigh', 'a', { change: (input) => ({ ...input, limits: strict }) });
        await expectFinding('AckStalled', 'a', {
          change: (input) => ({ ...input, limits: { ...strict, ackSeconds: 0 } }),
        });
      });
    });

    it.skipIf(!hasEngine(kind))('RestartNeeded: started with what cannot be changed at runtime', async () => {
      nodes = await declare(kind, { m: null });
      await nodes.start(['m'], ['rdbcompression no', 'appendfilename another.aof']);
      await expectFinding('RestartNeeded', 'm', { top: false });
    });

    it.skipIf(!hasEngine(kind) || kind === 'bundled')('Loading: it reads its data', async () => {
      nodes = await declare(kind, { m: null });
      await nodes.start();
      const client = await open('m');
      await client.pipeline(Array.from({ length: 6_000 }, (_, index) => ['SET', `k${index}`, 'v']));
      await nodes.call('m', 'SAVE');
      await nodes.signal('m', 'SIGKILL');
      await nodes.start(['m'], ['key-load-delay 10000', 'loading-process-events-interval-bytes 1024']);
      await expectFinding('Loading', 'm');
    });

    it.skipIf(!hasEngine(kind) || kind === 'bundled')(
      'Syncing, ResyncLoop: copies that take long, and are cut off each time',
      async () => {
        nodes = await declare(kind, { m: null, a: 'm' });
        await nodes.start(
          ['m'],
          ['rdb-key-save-delay 1000000', 'repl-backlog-size 16kb', 'repl-diskless-sync no'],
        );
        const client = await open('m');
        await client.pipeline(Array.from({ length: 200 }, (_, index) => ['SET', `k${index}`, 'v']));
        await nodes.start(['a']);
        await expectFinding('Syncing', 'a', { top: false });
        // That copy would take minutes; from now on they take less than a second.
        await nodes.call('m', 'CONFIG', 'SET', 'rdb-key-save-delay', '3000');
        const { pid } = nodes.identity('m');
        const first = childrenOf(pid);
        for (const child of first) killIfThere(child, GIVE_UP);
        await poll('the next copy', async () => childrenOf(pid).some((child) => !first.includes(child)));
        await nodes.call('m', 'CONFIG', 'SET', 'client-output-buffer-limit', 'replica 64kb 64kb 1');
        await nodes.call('m', 'CONFIG', 'SET', 'repl-diskless-sync', 'no');
        const earlier = await nodes.observe();
        cleanups.push(keepWriting(() => client.call('SET', 'k', 'x'.repeat(100_000)), 5));
        await expectFinding('ResyncLoop', 'a', { top: false, earlier: () => earlier });
      },
    );
  });
}

/** Makes the child of a save end without counting as a failure, upon which writes would be refused (rdb.c). */
const GIVE_UP = 'SIGUSR1';

/** Of the thread that forks. */
function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

/** An edge over which no full copy can go. */
export function describeMixedFindings(): void {
  describe.skipIf(!hasEngine('redis') || !hasEngine('valkey'))('findings between engines', () => {
    it('VersionMismatch: a replica that cannot read its master', async () => {
      const masters = await declare('valkey', { m: null, r: 'm' });
      await masters.start(['m']);
      nodes = masters;
      await masters.startWith('r', 'redis');
      expect((await expectFinding('VersionMismatch', 'r')).severity).toBe('error');
    });
  });
}
