import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestEngine, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { MendingTree } from '../support/mending-tree.ts';

/** What `status` names, its own advice mends. m → a → c, m → b. */
const ENGINES_THAT_MEND: readonly TestEngine[] = ['redis', 'bundled'];

let tree: MendingTree;

describe.each(ENGINES_THAT_MEND)('mending on %s', (engine) => {
  describe.skipIf(!hasEngine(engine))('a tree of four', () => {
    beforeEach(async () => {
      tree = await MendingTree.up(engine);
    });
    afterEach(() => tree.destroy());

    it('NodeDown', async () => {
      process.kill(tree.deployment.pidOf('b'), 'SIGKILL');
      await tree.mend('NodeDown', 'b');
    });

    it.each(['b', 'm'] as const)('Unresponsive: %s', async (id) => {
      await tree.call('m', 'SET', 'k', 'v');
      await tree.caughtUp('a', 'b', 'c');
      tree.freeze(id);
      await tree.mend('Unresponsive', id);
      expect(await tree.call('c', 'GET', 'k')).toBe('v');
    });

    it('SplitBrain', async () => {
      await tree.call('b', 'REPLICAOF', 'NO', 'ONE');
      await tree.mend('SplitBrain', 'b');
    });

    it('WrongRole', async () => {
      await tree.call('b', 'REPLICAOF', 'NO', 'ONE');
      await tree.call('m', 'REPLICAOF', '127.0.0.1', String(tree.port.b));
      await tree.mend('WrongRole', 'b');
    });

    it('NoMaster', async () => {
      const [free = 0] = await freePorts(1);
      await tree.call('m', 'REPLICAOF', '127.0.0.1', String(free));
      await tree.mend('NoMaster', 'm');
    });

    it('ReplicationRing', async () => {
      await tree.call('m', 'REPLICAOF', '127.0.0.1', String(tree.port.c));
      await tree.mend('ReplicationRing', 'm');
    });

    it('AuthBroken', async () => {
      await tree.call('b', 'CONFIG', 'SET', 'masterauth', 'wrong');
      await tree.call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
      await tree.mend('AuthBroken', 'b');
    });

    it('PasswordDrift', async () => {
      await tree.call('b', 'CONFIG', 'SET', 'masterauth', 'wrong');
      await tree.mend('PasswordDrift', 'b');
    });

    it('WrongParent', async () => {
      await tree.call('c', 'REPLICAOF', '127.0.0.1', String(tree.port.b));
      await tree.mend('WrongParent', 'c');
    });

    it('RestartWillDiverge', async () => {
      tree.editConf('b', (conf) => conf.replace(/^replicaof.*$/m, ''));
      await tree.mend('RestartWillDiverge', 'b');
    });

    it('ConfFileEdited', async () => {
      tree.editConf('b', (conf) => conf.replace(/^repl-backlog-size.*$/m, 'repl-backlog-size 3mb'));
      await tree.mend('ConfFileEdited', 'b');
    });

    it('ConfigDrift', async () => {
      await tree.call('b', 'CONFIG', 'SET', 'save', '60 5');
      await tree.mend('ConfigDrift', 'b');
    });

    it('ErrantWritesPossible', async () => {
      await tree.call('b', 'CONFIG', 'SET', 'replica-read-only', 'no');
      await tree.mend('ErrantWritesPossible', 'b');
    });

    it('AnnounceMismatch', async () => {
      await tree.call('b', 'CONFIG', 'SET', 'replica-announce-port', '1');
      await tree.call('m', 'CLIENT', 'KILL', 'TYPE', 'replica');
      await tree.mend('AnnounceMismatch', 'b');
    });

    it('UnfinishedOperation', async () => {
      await tree.call('m', 'CONFIG', 'SET', 'repl-ping-replica-period', '3600');
      await tree.mend('UnfinishedOperation', 'm');
    });

    it('Unwritable', async () => {
      await tree.call('m', 'CONFIG', 'SET', 'min-replicas-to-write', '3');
      await tree.mend('Unwritable', 'm');
    });

    it('NotApplied', async () => {
      writeFileSync(
        tree.deployment.file,
        readFileSync(tree.deployment.file, 'utf8').replace('name: b}', 'name: b, config: {maxmemory: 1gb}}'),
      );
      await tree.mend('NotApplied', 'b');
    });
  });
});
