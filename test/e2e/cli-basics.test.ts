import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Deployment } from '../support/deployment.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const VERBS = readdirSync(path.join(ROOT, 'src', 'commands'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3));

let deployment: Deployment | undefined;

afterEach(async () => {
  await deployment?.destroy();
  deployment = undefined;
});

function inFolder(topology: string): Deployment {
  deployment = new Deployment(topology);
  return deployment;
}

describe('help', () => {
  it('lists every verb', async () => {
    const { stdout } = await inFolder('master: 1').ok('--help');
    expect(VERBS.length).toBeGreaterThan(5);
    for (const verb of VERBS) expect(stdout).toMatch(new RegExp(`^  ${verb} `, 'm'));
  });

  it.each(VERBS)('%s has a summary, examples and the global flags', async (verb) => {
    const { stdout } = await inFolder('master: 1').ok(verb, '--help');
    for (const part of ['USAGE', 'EXAMPLES', '--json', '--file', '--timeout']) expect(stdout).toContain(part);
  });

  it('prints the version', async () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await inFolder('master: 1').ok('--version')).stdout).toContain(`replctl/${version}`);
  });
});

describe('wrong usage', () => {
  it('exits 2 for an unknown flag, in words and in JSON', async () => {
    const d = inFolder('master: 1');
    expect((await d.expect(2, 'validate', '--bogus')).stderr).toContain('Nonexistent flag: --bogus');
    const { error } = await d.json<{ error: { code: string; exitCode: number } }>('validate', '--bogus');
    expect(error).toMatchObject({ code: 'USAGE', exitCode: 2 });
  });

  it('exits 2 for an unknown verb and suggests the nearest', async () => {
    const { stderr } = await inFolder('master: 1').expect(2, 'stauts');
    expect(stderr).toContain('status');
  });

  it('exits 2 for a bad duration', async () => {
    expect((await inFolder('master: 1').expect(2, 'status', '--timeout', 'soon')).stderr).toContain('soon');
  });
});

describe('validate', () => {
  it('shows all problems at once, each with its place, and exits 3', async () => {
    const d = inFolder(
      'name: demo\nengine: bundld\nmaster: 6379\nreplicas:\n  - port: "63x80"\n    confg: {a: 1}\n',
    );
    const { stdout } = await d.expect(3, 'validate');
    expect(stdout).toContain('topology.yaml:2:9 engine');
    expect(stdout).toContain(
      'topology.yaml:5:11 replicas[0].port: expected a port from 1 to 65535, got "63x80"',
    );
    expect(stdout).toContain('did you mean "config"?');
  });

  it('reports a missing secret without a stack', async () => {
    const d = inFolder('defaults: {password: {env: NOT_SET_ANYWHERE}}\nmaster: 6379\n');
    const { stdout, stderr } = await d.expect(3, 'validate');
    expect(stdout).toContain('NOT_SET_ANYWHERE');
    expect(stderr).toBe('');
  });
});

describe('init', () => {
  it('writes a file that validates, and never overwrites', async () => {
    const d = inFolder('master: 1');
    await d.expect(18, 'init');
    expect(readFileSync(d.file, 'utf8')).toBe('master: 1');
    await d.ok('init', 'fresh.yaml');
    await d.ok('validate', 'fresh.yaml');
  });
});

describe('render', () => {
  it('masks secrets on the screen and writes them to 0600 files', async () => {
    const d = inFolder('defaults: {password: {file: secret}}\nmaster: 6379\nreplicas: [6380]\n');
    writeFileSync(path.join(d.dir, 'secret'), 'hunter2\n', { mode: 0o600 });
    const shown = await d.ok('render');
    expect(shown.stdout).toContain('requirepass');
    expect(shown.stdout + shown.stderr).not.toContain('hunter2');
    await d.ok('render', '--out', 'out');
    const file = path.join(d.dir, 'out', '6380.conf');
    expect(readFileSync(file, 'utf8')).toContain('masterauth hunter2');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe('render, scenario 2', () => {
  it('writes what the tutorials edit by hand, one flat file a node', async () => {
    const d = inFolder('master: 6379\nreplicas: [6380]\n');
    await d.ok('render', '--out', 'rendered');
    const text = readFileSync(path.join(d.dir, 'rendered', '6380.conf'), 'utf8');
    for (const directive of [
      'port',
      'pidfile',
      'logfile',
      'dbfilename',
      'dir',
      'appendfilename',
      'daemonize',
    ]) {
      expect(text, directive).toMatch(new RegExp(`^${directive} `, 'm'));
    }
    expect(text).toMatch(/^replicaof 127\.0\.0\.1 6379$/m);
    expect(text).not.toMatch(/^include /m);
  });
});

describe('completion', () => {
  it('prints a script each shell can read, and the nodes of the file', async () => {
    const d = inFolder('master: 6379\nreplicas: [{port: 6380, name: reports}]\n');
    const { stdout } = await d.ok('completion', 'bash');
    for (const verb of VERBS) expect(stdout).toContain(`${verb})`);
    expect((await d.ok('completion', '--nodes')).stdout).toBe('6379\nreports\n');
  });
});
