import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localHost } from '../../src/hosts/local-host.ts';
import { poll } from '../support/poll.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'replctl-host-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('files', () => {
  it('writes whole files with the mode asked for and leaves no temporary one', async () => {
    const file = path.join(dir, 'redis.conf');
    await localHost.writeFile(file, 'port 1\n');
    await localHost.writeFile(file, 'port 2\n');
    expect(readFileSync(file, 'utf8')).toBe('port 2\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['redis.conf']);
  });

  it('reads null where there is nothing, and the tail of what is there', async () => {
    const file = path.join(dir, 'log');
    expect(await localHost.readFile(file)).toBeNull();
    expect(await localHost.readTail(file, 10)).toBeNull();
    await localHost.writeFile(file, '0123456789');
    expect(await localHost.readTail(file, 4)).toBe('6789');
    expect(await localHost.readTail(file, 40)).toBe('0123456789');
  });

  it('makes folders for their owner only and removes exactly one path', async () => {
    await localHost.makeDir(path.join(dir, 'a/b'));
    await localHost.makeDir(path.join(dir, 'a2'));
    expect(statSync(path.join(dir, 'a/b')).mode & 0o777).toBe(0o700);
    await localHost.remove(path.join(dir, 'a'));
    await localHost.remove(path.join(dir, 'never'));
    expect(readdirSync(dir)).toEqual(['a2']);
  });

  it('says which path it could not use', async () => {
    const file = path.join(dir, 'file');
    await localHost.writeFile(file, '');
    await expect(localHost.makeDir(path.join(file, 'below'))).rejects.toMatchObject({
      code: 'REFUSED',
      message: `cannot use the folder ${file}/below on this machine (ENOTDIR)`,
    });
  });
});

describe('processes', () => {
  it('gives exit codes, output, and 127 for what is not there', async () => {
    const script = 'process.stdin.pipe(process.stdout); process.exitCode = 3';
    expect(await localHost.run([process.execPath, '-e', script], { input: 'fed' })).toEqual({
      exitCode: 3,
      stdout: 'fed',
      stderr: '',
    });
    expect((await localHost.run(['replctl-no-such-binary'])).exitCode).toBe(127);
    expect(
      (await localHost.run([process.execPath, '-e', 'setInterval(() => 0, 9)'], { timeoutMs: 300 })).exitCode,
    ).toBeNull();
  });

  it('signals a process only while it is the recorded one', async () => {
    const launched = await localHost.spawnDetached([process.execPath, '-e', 'setInterval(() => 0, 1000)'], {
      cwd: dir,
      outputFile: path.join(dir, 'out'),
    });
    const identity = await localHost.processFacts(launched.pid);
    if (identity === null) throw new Error('not running');
    expect(await localHost.signal({ ...identity, startTime: 'another' }, 'SIGKILL')).toBe(false);
    expect(await localHost.signal({ ...identity, commandLine: 'another' }, 'SIGKILL')).toBe(false);
    expect(await launched.exitCode()).toBeNull();
    expect(await localHost.signal(identity, 'SIGTERM')).toBe(true);
    expect(await poll('its end', async () => (await launched.exitCode()) ?? false)).toBe(143);
    expect(await localHost.signal(identity, 'SIGTERM')).toBe(false);
  });

  it('takes a zombie for gone', async () => {
    // The shell's child ends; the program that took the shell's place never asks for it.
    const parent = spawn('/bin/sh', ['-c', 'true & echo $!; exec sleep 60']);
    try {
      const [line] = (await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)))
        .toString()
        .split('\n');
      const pid = Number(line);
      await poll('its end', async () => (await localHost.processFacts(pid)) === null);
      expect(await localHost.processFacts(parent.pid ?? 0)).not.toBeNull();
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('names who listens on a port', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await localHost.portHolder(port)).toMatchObject({ pid: process.pid });
    await new Promise((resolve) => server.close(resolve));
    expect(await localHost.portHolder(port)).toBeNull();
  });
});
