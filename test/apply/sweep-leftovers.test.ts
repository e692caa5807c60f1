import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sweepLeftovers } from '../../src/apply/sweep-leftovers.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { parseTopology } from '../../src/topology/parse-topology.ts';

describe('sweepLeftovers', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'replctl-sweep-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('removes what the dead left, and nothing of the living, of the user, or that is data', async () => {
    const dead = await pidOfTheDead();
    const home = '.replctl/t/nodes/6379';
    const left = {
      [`.replctl/t/lock.${dead}.0b5e`]: '{}',
      [`.replctl/t/lock.${dead}.0b5e.new`]: '{}',
      [`.replctl/t/state.json.${dead}.tmp`]: '',
      '.replctl/t/lock.takeover': JSON.stringify({
        process: { pid: dead, startTime: '', commandLine: '' },
      }),
      [`.topology.yaml.replctl-${dead}-00ff.tmp`]: '',
      [`${home}/redis.conf.${dead}.tmp`]: '',
      [`${home}/redis.pid`]: `${dead}\n`,
      [`${home}/start.out`]: '',
    };
    const kept = {
      'topology.yaml': '',
      [`.topology.yaml.${dead}.tmp`]: '',
      [`.topology.yaml.replctl-${process.pid}-00ff.tmp`]: '',
      '.replctl/t/state.json': '{}',
      '.replctl/t/lock': '{}',
      [`.replctl/t/lock.${process.pid}.0b5e`]: '{}',
      [`.replctl/t/state.json.${process.pid}.tmp`]: '',
      [`${home}/redis.conf`]: '',
      [`${home}/dump.rdb`]: '',
      '.replctl/t/nodes/6380/redis.pid': String(process.pid),
      '.replctl/t/nodes/6381/redis.pid': '',
    };
    for (const [name, text] of Object.entries({ ...left, ...kept })) plant(path.join(dir, name), text);
    const file = path.join(dir, 'topology.yaml');
    const { topology } = parseTopology('name: t\nmaster: 6379\n', { file });
    if (topology === null) throw new Error('not a topology');
    await sweepLeftovers(topology, localHost);
    const isThere = (name: string): boolean => existsSync(path.join(dir, name));
    expect(Object.keys(left).filter(isThere)).toEqual([]);
    expect(Object.keys(kept).filter(isThere)).toEqual(Object.keys(kept));
  });
});

function plant(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function pidOfTheDead(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}
