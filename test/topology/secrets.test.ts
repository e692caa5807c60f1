import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseTopology } from '../../src/topology/parse-topology.ts';
import { readSecret, readSecrets } from '../../src/topology/secrets.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'replctl-secret-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (content: string | Buffer, mode = 0o600): { kind: 'file'; path: string } => {
  const file = path.join(folder, 'secret');
  rmSync(file, { force: true });
  writeFileSync(file, content, { mode });
  return { kind: 'file', path: file };
};

it('reads variables as they are and files without their last newline', async () => {
  expect((await readSecret({ kind: 'env', variable: 'X' }, { X: ' a\n' })).value).toBe(' a\n');
  expect((await readSecret(write('pass word\n'))).value).toBe('pass word');
  expect((await readSecret(write('two\n\n'))).value).toBe('two\n');
  expect((await readSecret(write('é"#\r\n'))).value).toBe('é"#');
  expect((await readSecret(write('p'.repeat(10_240)))).value).toHaveLength(10_240);
});

it('warns of a file that others can read', async () => {
  expect((await readSecret(write('x'))).warning).toBeNull();
  expect((await readSecret(write('x', 0o644))).warning).toMatch(/mode 644\): chmod 600/);
});

it.each([
  ['nothing', ''],
  ['a NUL byte', 'hidden-1\0hidden-2'],
  ['not UTF-8', Buffer.from([0x61, 0xff, 0xfe])],
  ['more than 65536 bytes', 's'.repeat(70_000)],
])('refuses %s without showing it', async (what, content) => {
  const error: unknown = await readSecret(write(content)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'TOPOLOGY_INVALID', message: expect.stringContaining(what) });
  expect((error as Error).message).not.toMatch(/hidden|ssss/);
});

it('names what is missing', async () => {
  await expect(readSecret({ kind: 'env', variable: 'NOPE' }, {})).rejects.toThrow(
    'the environment variable NOPE is not set',
  );
  await expect(readSecret({ kind: 'file', path: '/nowhere/x' })).rejects.toThrow(
    /\/nowhere\/x cannot be read \(ENOENT\)/,
  );
});

it('reads each secret of a topology, never into the model', async () => {
  const { topology } = parseTopology(
    'defaults: {password: {env: A}}\nmaster: 1\nreplicas: [2, {port: 3, password: {env: B}}, {port: 4, password: false}]',
    { file: '/srv/t/topology.yaml' },
  );
  if (topology === null) throw new Error('no topology');
  const secrets = await readSecrets(topology, { A: 'alpha-secret', B: 'beta-secret' });
  expect(topology.nodes.map((node) => secrets.passwordOf(node))).toEqual([
    'alpha-secret',
    'alpha-secret',
    'beta-secret',
    null,
  ]);
  expect(JSON.stringify(topology)).not.toContain('alpha-secret');
});
