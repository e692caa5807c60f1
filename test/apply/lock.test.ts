import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock } from '../../src/apply/lock.ts';
import { localHost } from '../../src/hosts/local-host.ts';

describe('acquireLock', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'replctl-lock-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('lets one in and tells the other who holds it', async () => {
    const lock = await acquireLock(dir, 'promote 6381', localHost);
    await expect(acquireLock(dir, 'up', localHost)).rejects.toMatchObject({
      code: 'LOCKED',
      details: { pid: process.pid, command: 'promote 6381' },
    });
    await lock.release();
    await (await acquireLock(dir, 'up', localHost)).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('takes over from a process that is gone, once however many want it', async () => {
    await plantLockOfTheDead(dir);
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => acquireLock(dir, `try ${index}`, localHost)),
    );
    const won = tries.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(readdirSync(dir)).toEqual(['lock']);
  });
});

async function plantLockOfTheDead(dir: string): Promise<void> {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
  const identity = await localHost.processFacts(child.pid ?? 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const holder = { process: identity, command: 'up', sinceMs: Date.now(), token: 'dead' };
  writeFileSync(path.join(dir, 'lock'), JSON.stringify(holder));
}
