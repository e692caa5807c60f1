import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { initTopology } from '../../src/topology/init-topology.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';
import { saveTopology } from '../../src/topology/save-topology.ts';
import { validateTopology } from '../../src/topology/validate-topology.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'replctl-save-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('writes through a link, keeps the mode, and leaves nothing behind', async () => {
  const real = path.join(folder, 'real.yaml');
  const link = path.join(folder, 'topology.yaml');
  writeFileSync(real, 'old');
  chmodSync(real, 0o640);
  symlinkSync('real.yaml', link);
  await saveTopology(link, 'new', 'old');
  expect(readFileSync(real, 'utf8')).toBe('new');
  expect(statSync(real).mode & 0o777).toBe(0o640);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(['real.yaml', 'topology.yaml']);
});

it('refuses when the file is not what was read', async () => {
  const file = path.join(folder, 'topology.yaml');
  writeFileSync(file, 'edited by hand');
  await expect(saveTopology(file, 'new', 'old')).rejects.toMatchObject({ code: 'REFUSED' });
  expect(readFileSync(file, 'utf8')).toBe('edited by hand');
  rmSync(file);
  await expect(saveTopology(file, 'new', 'old')).rejects.toMatchObject({ code: 'REFUSED' });
  expect(readdirSync(folder)).toEqual([]);
});

it('starts a file that runs as it is, and never overwrites one', async () => {
  const file = path.join(folder, 'topology.yaml');
  expect(await initTopology(file)).toBe(file);
  const topology = await loadTopology(file);
  expect(topology.nodes.map(({ id, parent, auth }) => [id, parent, auth.password])).toEqual([
    ['6379', null, null],
    ['6380', '6379', null],
    ['reports', '6379', null],
    ['6382', 'reports', null],
  ]);
  expect(topology.warnings).toEqual([]);
  const schema = /\$schema=(.*)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  expect(statSync(path.resolve(folder, schema)).isFile()).toBe(true);
  writeFileSync(file, 'mine');
  await expect(initTopology(file)).rejects.toMatchObject({ code: 'REFUSED', exitCode: 18 });
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

it('validates the file and its secrets in one go', async () => {
  const file = path.join(folder, 'topology.yaml');
  writeFileSync(
    file,
    'defaults: {password: {env: NOT_SET}}\nmaster: {port: 1, config: {repl-backlog-size: 64kb}}',
  );
  const missing = await validateTopology(file, {});
  expect(missing.problems.map(({ message }) => message)).toEqual([
    'the environment variable NOT_SET is not set',
  ]);
  expect(missing.topology).not.toBeNull();
  expect(missing.warnings).toHaveLength(1);
  expect(missing.lines[1]).toContain(':2:');
  expect((await validateTopology(file, { NOT_SET: 'x' })).problems).toEqual([]);
  writeFileSync(file, 'mastr: 1');
  expect((await validateTopology(file, {})).problems).toHaveLength(2);
});
