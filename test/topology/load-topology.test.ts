import { mkdtempSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultTopology } from '../../src/topology/default-topology.ts';
import { findTopologyFile } from '../../src/topology/find-topology-file.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';

let folder = '';
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'replctl-load-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: string | Buffer): string => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
};

it('finds the file given, then the environment, then upwards', () => {
  const env = {};
  expect(findTopologyFile(undefined, { cwd: folder, env })).toBeNull();
  const above = write('topology.yml', 'master: 1');
  const other = write('other.yaml', 'master: 2');
  mkdirSync(path.join(folder, 'a/b'), { recursive: true });
  const cwd = path.join(folder, 'a/b');
  expect(findTopologyFile(undefined, { cwd, env })).toBe(above);
  expect(findTopologyFile(undefined, { cwd, env: { REPLCTL_TOPOLOGY: '../../other.yaml' } })).toBe(other);
  expect(findTopologyFile('../../other.yaml', { cwd, env })).toBe(other);
  expect(() => findTopologyFile('nope.yaml', { cwd, env })).toThrow(/nope\.yaml: no such file/);
  expect(() => findTopologyFile(undefined, { cwd, env: { REPLCTL_TOPOLOGY: 'nope' } })).toThrow(
    /REPLCTL_TOPOLOGY/,
  );
});

it('throws one error with all problems and a code frame', async () => {
  const file = write('topology.yaml', 'master: 63x80\nreplicas:\n  - port: yes\n    password: hunter2\n');
  const error: unknown = await loadTopology(file).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'TOPOLOGY_INVALID',
    exitCode: 3,
    details: {
      problems: [{ line: 1, column: 9, path: 'master' }, { path: 'replicas[0].port' }, { line: 4 }],
    },
  });
  const { message } = error as Error;
  expect(message.replaceAll(folder, '')).toMatchInlineSnapshot(`
    "3 problems in /topology.yaml
    /topology.yaml:1:9 master: expected a port, host:port or a map, got "63x80"
    > 1 | master: 63x80
        |         ^
      2 | replicas:
    /topology.yaml:3:11 replicas[0].port: expected a port from 1 to 65535, got "yes"
      2 | replicas:
    > 3 |   - port: yes
        |           ^
      4 |     password: ***
    /topology.yaml:4:15 replicas[0].password: expected {env: VARIABLE} or {file: PATH}: secrets are never written into the topology file, got a plain value
      3 |   - port: yes
    > 4 |     password: ***
        |               ^"
  `);
  expect(message).not.toContain('hunter2');
});

it.each([
  ['binary', Buffer.from([0x6d, 0xff, 0xfe, 0x00, 0x80]), 'binary data'],
  ['huge', Buffer.alloc(2 * 1024 * 1024, '# x\n'), 'at most 1048576 bytes'],
])('refuses a %s file', async (_name, content, said) => {
  await expect(loadTopology(write('topology.yaml', content))).rejects.toThrow(said);
});

it('reads any text without a crash', async () => {
  await expect(loadTopology(folder)).rejects.toMatchObject({ code: 'TOPOLOGY_INVALID' });
  await expect(loadTopology(path.join(folder, 'none.yaml'))).rejects.toMatchObject({
    code: 'TOPOLOGY_INVALID',
  });
});

it('has a tree to run without any file', () => {
  const topology = defaultTopology('/srv/shop');
  expect(topology.stateDir).toBe('/srv/shop/.replctl/shop');
  expect(topology.nodes.map(({ port, parent }) => [port, parent])).toEqual([
    [6379, null],
    [6380, '6379'],
    [6381, '6379'],
  ]);
  expect(defaultTopology('/').name).toBe('default');
});
