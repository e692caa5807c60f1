import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../../src/hosts/host.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { sshHost } from '../../src/hosts/ssh-host.ts';
import { poll } from '../support/poll.ts';

/** What sshd does with a command: hands it to a login shell. Options and destination are dropped. */
const FAKE_SSH =
  '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\n[ "$2" = nowhere ] && { echo "no route" >&2; exit 255; }\nexec sh -c "$3"\n';

let dir: string;
let host: Host;
let ssh: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "replctl ssh'"));
  ssh = path.join(dir, 'ssh');
  writeFileSync(ssh, FAKE_SSH);
  chmodSync(ssh, 0o755);
  host = sshHost({ destination: 'db1', port: 22, identityFile: null }, ssh);
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('over ssh', () => {
  it('runs commands with arguments, input and exit codes as they are', async () => {
    const nasty = `a 'b' "c" $HOME \`id\` \\ ; # \n*`;
    expect(await host.run(['printf', '%s', nasty])).toEqual({ exitCode: 0, stdout: nasty, stderr: '' });
    expect((await host.run(['cat'], { input: 'secret\n' })).stdout).toBe('secret\n');
    expect((await host.run(['sh', '-c', 'exit 3'])).exitCode).toBe(3);
    expect((await host.run(['replctl-no-such-binary'])).exitCode).toBe(127);
  });

  it('says when a machine cannot be reached', async () => {
    const nowhere = sshHost({ destination: 'nowhere', port: null, identityFile: null }, ssh);
    await expect(nowhere.exists('/')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: 'nowhere cannot be reached by ssh (no route)',
    });
  });

  it('keeps files as a local host does', async () => {
    const file = path.join(dir, "it's a conf");
    expect(await host.readFile(file)).toBeNull();
    await host.writeFile(file, 'port 1\näöü\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await host.readFile(file)).toBe(readFileSync(file, 'utf8'));
    expect(await host.readTail(file, 3)).toBe('ü\n');
    expect(await host.exists(file)).toBe(true);
    await host.remove(file);
    expect(await host.exists(file)).toBe(false);
    await host.makeDir(path.join(dir, 'x/y'));
    expect(statSync(path.join(dir, 'x/y')).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir).sort((a, b) => a.localeCompare(b))).toEqual(['ssh', 'x']);
    await expect(host.makeDir(`${ssh}/below`)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('starts processes that stay, knows them again, and signals only them', async () => {
    const outputFile = path.join(dir, 'start.out');
    const script = 'console.log("up"); setInterval(() => 0, 1000)';
    const launched = await host.spawnDetached([process.execPath, '-e', script], { cwd: dir, outputFile });
    expect(await poll('its output', async () => (await host.readFile(outputFile)) === 'up\n')).toBe(true);
    expect(await launched.exitCode()).toBeNull();
    const identity = await host.processFacts(launched.pid);
    if (identity === null) throw new Error('not running');
    expect(identity).toEqual(await localHost.processFacts(launched.pid));
    expect(await host.signal({ ...identity, startTime: 'other' }, 'SIGKILL')).toBe(false);
    const { stdout } = await host.run(['pgrep', '-P', String(launched.pid)]);
    const child = await host.processFacts(Number(stdout.trim()));
    if (child === null) throw new Error('no child');
    expect(await host.signal(child, 'SIGTERM')).toBe(true);
    expect(await poll('its exit code', async () => (await launched.exitCode()) ?? false)).toBe(143);
    expect(await host.processFacts(child.pid)).toBeNull();
  });

  it('names who listens on a port', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await host.portHolder(port)).toEqual(await localHost.portHolder(port));
    await new Promise((resolve) => server.close(resolve));
    expect(await host.portHolder(port)).toBeNull();
  });
});
