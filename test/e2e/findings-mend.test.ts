import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding, FindingCode } from '../../src/compare/finding.ts';
import { splitArgs } from '../../src/conf/split-args.ts';
import { Deployment } from '../support/deployment.ts';
import { type TestEngine, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

/** What `status` names, its own advice mends. m → a → c, m → b. */
const ENGINES_THAT_MEND: readonly TestEngine[] = ['redis', 'bundled'];

let deployment: Deployment;
let port: Record<'m' | 'a' | 'b' | 'c', number>;
const cleanups: (() => void)[] = [];

async function bringUp(engine: TestEngine): Promise<void> {
  const [m = 0, a = 0, b = 0, c = 0] = await freePorts(4);
  port = { m, a, b, c };
  deployment = new Deployment(
    [
      'name: mend',
      `engine: ${engine}`,
      'defaults: {password: {env: MEND_PASSWORD}}',
      `master: {port: ${m}, name: m}`,
      'replicas:',
      `  - {port: ${a}, name: a, replicas: [{port: ${c}, name: c}]}`,
      `  - {port: ${b}, name: b}`,
      '',
    ].join('\n'),
    { MEND_PASSWORD: 'sesame' },
  );
  await deployment.ok('up');
}

interface Status {
  readonly findings: readonly Finding[];
}

async function statusUntil(
  what: string,
  wanted: (findings: readonly Finding[]) => boolean,
): Promise<readonly Finding[]> {
  let last: readonly Finding[] = [];
  try {
    return await poll(
      what,
      async () => {
        last = (await deployment.json<Status>('status', '--timeout', '1s')).findings;
        return wanted(last) && last;
      },
      10_000,
    );
  } catch (error) {
    throw new Error(`${what}: ${JSON.stringify(last, null, 1)}`, { cause: error });
  }
}

/** Waits for the finding to come first, does what it says, and waits until there is none. */
async function mend(code: FindingCode, node: string | null): Promise<void> {
  const [first] = await statusUntil(code, ([top]) => top?.code === code && top.node === node);
  const command = first?.mend ?? '';
  expect(command).toMatch(/^replctl /);
  const split = splitArgs(command.split(', or ')[0] ?? '');
  if (!split.ok) throw new Error(`cannot be pasted: ${command}`);
  const result = await deployment.run(split.args.slice(1));
  try {
    await statusUntil(`${code} mended`, (findings) => findings.length === 0);
  } catch (error) {
    throw new Error(`${command} gave exit ${result.code}\n${result.stdout}\n${result.stderr}`, {
      cause: error,
    });
  }
}

async function call(id: keyof typeof port, ...args: string[]): Promise<unknown> {
  const client = deployment.client(port[id], 'sesame');
  await client.connect();
  const [command = 'PING', ...rest] = args;
  const reply: unknown = await client.call(command, ...rest);
  client.disconnect();
  return reply;
}

function editConf(id: string, edit: (conf: string) => string): void {
  const file = path.join(deployment.dir, '.replctl/mend/nodes', id, 'redis.conf');
  writeFileSync(file, edit(readFileSync(file, 'utf8')));
}

describe.each(ENGINES_THAT_MEND)('mending on %s', (engine) => {
  describe.skipIf(!hasEngine(engine))('a tree of four', () => {
    beforeEach(() => bringUp(engine));
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0)) cleanup();
      await deployment.destroy();
    });

    it('NodeDown', async () => {
      process.kill(deployment.pidOf('b'), 'SIGKILL');
      await mend('NodeDown', 'b');
    });

    it.each(['b', 'm'])('Unresponsive: %s', async (id) => {
      await call('m', 'SET', 'k', 'v');
      await call('m', 'WAIT', '2', '5000');
      const pid = deployment.pidOf(id);
      process.kill(pid, 'SIGSTOP');
      cleanups.push(() => {
        if (deployment.pids().includes(pid)) process.kill(pid, 'SIGCONT');
      });
      await mend('Unresponsive', id);
      expect(await call('c', 'GET', 'k')).toBe('v');
    });

    it('SplitBrain', async () => {
      await call('b', 'REPLICAOF', 'NO', 'ONE');
      await mend('SplitBrain', 'b');
    });

    it('WrongRole', async () => {
      await call('b', 'REPLICAOF', 'NO', 'ONE');
      await call('m', 'REPLICAOF', '127.0.0.1', String(port.b));
      await mend('WrongRole', 'b');
    });

    it('NoMaster', async () => {
      const [free = 0] = await freePorts(1);
      await call('m', 'REPLICAOF', '127.0.0.1', String(free));
      await mend('NoMaster', 'm');
    });

    it('ReplicationRing', async () => {
      await call('m', 'REPLICAOF', '127.0.0.1', String(port.c));
      await mend('ReplicationRing', 'm');
    });

    it('AuthBroken', async () => {
      await call('b', 'CONFIG', 'SET', 'masterauth', 'wrong');
      await call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
      await mend('AuthBroken', 'b');
    });

    it('PasswordDrift', async () => {
      await call('b', 'CONFIG', 'SET', 'masterauth', 'wrong');
      await mend('PasswordDrift', 'b');
    });

    it('WrongParent', async () => {
      await call('c', 'REPLICAOF', '127.0.0.1', String(port.b));
      await mend('WrongParent', 'c');
    });

    it('RestartWillDiverge', async () => {
      editConf('b', (conf) => conf.replace(/^replicaof.*$/m, ''));
      await mend('RestartWillDiverge', 'b');
    });

    it('ConfFileEdited', async () => {
      editConf('b', (conf) => conf.replace(/^repl-backlog-size.*$/m, 'repl-backlog-size 3mb'));
      await mend('ConfFileEdited', 'b');
    });

    it('ConfigDrift', async () => {
      await call('b', 'CONFIG', 'SET', 'save', '60 5');
      await mend('ConfigDrift', 'b');
    });

    it('ErrantWritesPossible', async () => {
      await call('b', 'CONFIG', 'SET', 'replica-read-only', 'no');
      await mend('ErrantWritesPossible', 'b');
    });

    it('AnnounceMismatch', async () => {
      await call('b', 'CONFIG', 'SET', 'replica-announce-port', '1');
      await call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
      await mend('AnnounceMismatch', 'b');
    });

    it('UnfinishedOperation', async () => {
      await call('m', 'CONFIG', 'SET', 'repl-ping-replica-period', '3600');
      await mend('UnfinishedOperation', 'm');
    });

    it('Unwritable', async () => {
      await call('m', 'CONFIG', 'SET', 'min-replicas-to-write', '3');
      await mend('Unwritable', 'm');
    });

    it('NotApplied', async () => {
      writeFileSync(
        deployment.file,
        readFileSync(deployment.file, 'utf8').replace('name: b}', 'name: b, config: {maxmemory: 1gb}}'),
      );
      await mend('NotApplied', 'b');
    });
  });
});
