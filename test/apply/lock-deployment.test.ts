import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDeployment } from '../../src/apply/lock-deployment.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';

describe('lockDeployment', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'replctl-lock-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const lockOnce = async (): Promise<void> => {
    const file = path.join(dir, 'topology.yaml');
    writeFileSync(file, 'name: t\nmaster: 6379\n');
    const topology = await loadTopology(file);
    await (await lockDeployment({ topology, command: 'up' })).release();
  };

  it('keeps what it makes out of a git repository', async () => {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: dir, encoding: 'utf8' });
    git('init', '--quiet');
    await lockOnce();
    expect(git('status', '--porcelain', '--untracked-files=all')).toMatch(/^\?\? topology.yaml\n$/);
  });

  it('leaves a .gitignore of the user as it is', async () => {
    await lockOnce();
    const file = path.join(dir, '.replctl/t/.gitignore');
    writeFileSync(file, '!state.json\n');
    await lockOnce();
    expect(readFileSync(file, 'utf8')).toBe('!state.json\n');
  });
});
