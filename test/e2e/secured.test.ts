import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Deployment, PATIENT } from '../support/deployment.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { createCertificates, hasOpenssl } from '../support/test-certificates.ts';

const PASSWORD = 'pa ss"w#ord-\u00e9';
/** One user for replicas and for replctl, and nobody else. */
const USERS = 'user default off\nuser keeper on >0123456789abcdef ~* &* +@all\n';

let deployment: Deployment | undefined;
afterEach(async () => {
  await deployment?.destroy();
  deployment = undefined;
});

/** Every byte that replctl wrote or printed, but for the files that must hold passwords. */
function whatTells(d: Deployment, printed: readonly string[]): string {
  const files = readdirSync(d.dir, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(d.dir, name))
    .filter((file) => statSync(file).isFile() && !/redis\.conf$|users\.acl$|secret\.txt$/.test(file));
  return [...printed, ...files.map((file) => readFileSync(file, 'latin1'))].join('\n');
}

describe.each(ENGINES.filter(hasEngine))('a secured tree on %s', (engine) => {
  it.skipIf(!hasOpenssl())('over TLS with certificates on both sides, and a password', async () => {
    const [a = 0, b = 0, c = 0] = await freePorts(3);
    const d = new Deployment(
      `name: tls\nengine: ${engine}\ndefaults:\n  password: {env: TREE_PASSWORD}\n` +
        `  tls: {cert: node.crt, key: node.key, ca: ca.crt}\n` +
        `master: ${a}\nreplicas:\n  - port: ${b}\n    replicas: [${c}]\n`,
      { TREE_PASSWORD: PASSWORD },
    );
    deployment = d;
    createCertificates(d.dir);
    const printed = await operate(d, [a, b, c]);
    await expect(d.call(a, 'PING')).rejects.toThrow();
    expect(whatTells(d, printed)).not.toContain(PASSWORD);
  });

  it('with an ACL user for replicas and replctl, and no default user', async () => {
    const [a = 0, b = 0, c = 0] = await freePorts(3);
    const d = new Deployment(
      `name: acl\nengine: ${engine}\ndefaults:\n  user: keeper\n  password: {file: secret.txt}\n` +
        `  aclfile: users.acl\nmaster: ${a}\nreplicas:\n  - port: ${b}\n    replicas: [${c}]\n`,
    );
    deployment = d;
    writeFileSync(path.join(d.dir, 'secret.txt'), '0123456789abcdef\n', { mode: 0o600 });
    writeFileSync(path.join(d.dir, 'users.acl'), USERS, { mode: 0o600 });
    const printed = await operate(d, [a, b, c]);
    await expect(d.call(a, 'GET', 'k')).rejects.toThrow(/NOAUTH/);
    expect(whatTells(d, printed)).not.toContain('0123456789abcdef');
  });
});

/** A life in short: everything that connects, from replctl to a node and from node to node. */
async function operate(d: Deployment, [a, b, c]: readonly [number, number, number]): Promise<string[]> {
  const printed: string[] = [];
  const ok = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await d.ok(...args);
    printed.push(stdout, stderr);
    return stdout;
  };
  await ok('up');
  await ok('exec', String(a), ...PATIENT, '--', 'SET', 'k', 'v');
  await ok('promote', String(c), ...PATIENT);
  expect(await ok('exec', String(b), ...PATIENT, '--', 'GET', 'k')).toContain('v');
  await ok('restart', String(c));
  await ok('test', ...PATIENT);
  await ok('verify', ...PATIENT);
  const { stdout, stderr } = await d.healthy();
  printed.push(stdout, stderr);
  expect(await ok('up')).toContain('nothing to do');
  return printed;
}
