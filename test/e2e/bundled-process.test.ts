import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';
import { createCertificates } from '../support/test-certificates.ts';
import { RawConnection } from '../support/raw-connection.ts';

const main = inject('serverScript');

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-process-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function onePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

describe('command line', () => {
  it('says its version and how it is used', () => {
    const run = (flag: string): string => execFileSync(process.execPath, [main, flag], { encoding: 'utf8' });
    expect(run('--version')).toMatch(/^Redis server v=7\.\d+\.\d+ /);
    expect(run('--help')).toMatch(/^Usage: replctl-server /);
  });

  it.each([
    [['--port', 'abc'], ">>> 'port \"abc\"'\nargument couldn't be parsed into an integer"],
    [['--foo', 'bar'], '>>> \'foo "bar"\'\nBad directive or wrong number of arguments'],
    [['--dir', '/nowhere/at/all'], 'No such file or directory'],
    [['/nowhere.conf'], "Fatal error, can't open config file '/nowhere.conf': No such file or directory"],
  ])('refuses %j', (args, text) => {
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([1, expect.stringContaining(text)]);
  });

  it.each(['UTC', 'Asia/Kolkata', 'America/New_York'])('logs the local time in %s', (zone) => {
    const args = [main, '--port', '0', '--dir', newFolder(), '--user', 'nobody', 'no-such-rule'];
    const { stdout } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: { ...process.env, TZ: zone },
    });
    const [, day = '', time = ''] = / (\d\d \w{3} \d{4}) (\d\d:\d\d:\d\d\.\d{3}) \* oO0/.exec(stdout) ?? [];
    const offset = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
      .format()
      .replace(/.*GMT/, 'GMT');
    expect(Math.abs(Date.parse(`${day} ${time} ${offset}`) - Date.now())).toBeLessThan(600_000);
  });

  it('reads stdin after the file and before the flags', async () => {
    const folder = newFolder();
    const port = await onePort();
    const conf = path.join(folder, 'redis.conf');
    writeFileSync(conf, `dir ${folder}\nsave ""\nhz 11\ntimeout 1\nmaxclients 100\n`);
    const child = spawn(process.execPath, [main, conf, '--port', String(port), '--maxclients', '300', '-']);
    onTestFinished(() => void child.kill('SIGKILL'));
    child.stdin.end('timeout 2\nmaxclients 200\n');
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    await poll('the server', async () => output.includes('Ready to accept connections tcp'));
    const client = new Redis(port);
    onTestFinished(() => client.disconnect());
    const seen = await client.config('GET', 'hz', 'timeout', 'maxclients');
    expect(seen.toSorted()).toEqual(['hz', '11', 'timeout', '2', 'maxclients', '300'].toSorted());
  });
});

describe('a daemon', () => {
  it('logs, has a pid file, rewrites its conf for its owner only, and leaves in order on SIGTERM', async () => {
    const folder = newFolder();
    const port = await onePort();
    const conf = path.join(folder, 'redis.conf');
    const log = path.join(folder, 'redis.log');
    writeFileSync(
      conf,
      `# mine\nport ${String(port)}\nbind 127.0.0.1\ndir ${folder}\ndaemonize yes\npidfile redis.pid\nlogfile redis.log\nrequirepass "pass # word"\nenable-debug-command local\n`,
    );
    execFileSync(process.execPath, [main, conf]);
    await poll(
      'the daemon',
      async () => existsSync(log) && readFileSync(log, 'utf8').includes('Ready to accept'),
    );
    const pid = Number(readFileSync(path.join(folder, 'redis.pid'), 'utf8'));
    onTestFinished(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    });
    const client = new Redis(port, { password: 'pass # word' });
    onTestFinished(() => client.disconnect());
    await client.set('k', 'v');
    await client.config('SET', 'slave-priority', '7');
    await client.config('REWRITE');
    const text = readFileSync(conf, 'utf8');
    expect(text).toMatch(
      /^# mine\nport \d+\n[^]*requirepass "pass # word"\n[^]*# Generated by CONFIG REWRITE\n/,
    );
    expect(text).toContain('replica-priority 7\n');
    expect(statSync(conf).mode & 0o777).toBe(0o600);
    expect(text).not.toContain('maxmemory-samples');
    expect(await client.call('DEBUG', 'CONFIG-REWRITE-FORCE-ALL')).toBe('OK');
    expect(readFileSync(conf, 'utf8')).toContain('\nmaxmemory-samples 5\n');
    client.disconnect();
    process.kill(pid, 'SIGTERM');
    await poll('the daemon to leave', async () => !isAlive(pid));
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const shape = new RegExp(
      `^${String(pid)}:M \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{3} [.*#-] \\S`,
    );
    expect(lines.filter((line) => !shape.test(line))).toEqual([]);
    expect(lines.join('\n')).toMatch(
      /Redis is starting[^]*Server initialized[^]*Ready to accept connections tcp[^]*Received SIGTERM scheduling shutdown[^]*bye bye/,
    );
    expect([existsSync(path.join(folder, 'redis.pid')), existsSync(path.join(folder, 'dump.rdb'))]).toEqual([
      false,
      true,
    ]);
  });
});

describe('what it listens on', () => {
  it('takes a unix socket, IPv6, and addresses that may be missing', async () => {
    const server = await startBundledServer([
      '--bind',
      '127.0.0.1',
      '-::1',
      '-192.0.2.1',
      '--unixsocket',
      's',
      '--unixsocketperm',
      '700',
    ]);
    onTestFinished(() => server.stop());
    const socket = path.join(server.folder, 's');
    expect(statSync(socket).mode & 0o777).toBe(0o700);
    const client = new Redis(socket);
    onTestFinished(() => client.disconnect());
    expect(await client.client('INFO')).toMatch(/flags=U /);
  });

  it('says that a port is taken and leaves', async () => {
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const { status, stdout } = spawnSync(process.execPath, [main, '--port', port, '--bind', '127.0.0.1'], {
      encoding: 'utf8',
      cwd: newFolder(),
    });
    expect([status, stdout]).toEqual([
      1,
      expect.stringContaining(`Failed listening on port ${port} (tcp), aborting.`),
    ]);
  });

  it('moves to another port', async () => {
    const server = await startBundledServer();
    onTestFinished(() => server.stop());
    const next = await onePort();
    const first = await RawConnection.open(server.port);
    expect(await first.call('CONFIG', 'SET', 'port', String(next))).toBe('+OK\r\n');
    await poll('the new port', async () =>
      (await RawConnection.open(next)).call('PING').then((reply) => reply === '+PONG\r\n'),
    );
    expect(await first.call('PING')).toBe('+PONG\r\n');
    await expect(RawConnection.open(server.port)).rejects.toThrow('ECONNREFUSED');
    first.close();
  });
});

describe('limits', () => {
  it('refuses more clients than it may have', async () => {
    const server = await startBundledServer(['--maxclients', '2']);
    onTestFinished(() => server.stop());
    const kept = [await RawConnection.open(server.port), await RawConnection.open(server.port)];
    for (const connection of kept) expect(await connection.call('PING')).toBe('+PONG\r\n');
    const third = await RawConnection.open(server.port);
    expect(await third.read()).toBe('-ERR max number of clients reached\r\n');
    expect(await third.read()).toBe('(closed)');
    for (const connection of kept) connection.close();
  });

  it('closes idle clients', async () => {
    const server = await startBundledServer(['--timeout', '1']);
    onTestFinished(() => server.stop());
    const idle = await RawConnection.open(server.port);
    expect(await idle.read()).toBe('(closed)');
  });

  it('cuts a subscriber that does not read', async () => {
    const server = await startBundledServer(['--client-output-buffer-limit', 'pubsub 1mb 0 0']);
    onTestFinished(() => server.stop());
    const socket = net.connect(server.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('SUBSCRIBE c\r\n');
    socket.pause();
    const client = new Redis(server.port);
    onTestFinished(() => client.disconnect());
    await poll('the subscription', async () => (await client.pubsub('NUMSUB', 'c'))[1] === 1);
    const message = 'x'.repeat(256 * 1024);
    await poll('the subscriber to be cut', async () => (await client.publish('c', message)) === 0);
    await poll('the log', async () => server.output().includes('for overcoming of output buffer limits'));
  });

  it('renames and removes commands', async () => {
    const server = await startBundledServer([
      '--rename-command',
      'KEYS',
      '',
      '--rename-command',
      'CONFIG',
      'hidden-config',
    ]);
    onTestFinished(() => server.stop());
    const connection = await RawConnection.open(server.port);
    expect(await connection.call('KEYS', '*')).toMatch(/^-ERR unknown command 'KEYS'/);
    expect(await connection.call('CONFIG', 'GET', 'hz')).toMatch(/^-ERR unknown command 'CONFIG'/);
    expect(await connection.call('hidden-config', 'GET', 'hz')).toBe('*2\r\n$2\r\nhz\r\n$2\r\n10\r\n');
    connection.close();
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-tls-'));
  const file = (name: string): string => path.join(folder, name);
  beforeAll(() => createCertificates(folder));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const flags = (tlsPort: number): string[] =>
    [
      '--tls-port',
      String(tlsPort),
      '--tls-cert-file',
      file('node.crt'),
      '--tls-key-file',
      file('node.key'),
    ].concat(['--tls-ca-cert-file', file('ca.crt')]);

  async function ping(port: number, options: tls.ConnectionOptions): Promise<string> {
    return new Promise((resolve) => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        ca: readFileSync(file('ca.crt')),
        checkServerIdentity: () => undefined,
        ...options,
      });
      socket.on('secureConnect', () => socket.write('PING\r\n'));
      socket.on('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve('closed'));
    });
  }

  it('asks clients for a certificate', async () => {
    const tlsPort = await onePort();
    const server = await startBundledServer(flags(tlsPort));
    onTestFinished(() => server.stop());
    const own = { cert: readFileSync(file('node.crt')), key: readFileSync(file('node.key')) };
    expect(await ping(tlsPort, own)).toBe('+PONG\r\n');
    expect(await ping(tlsPort, {})).not.toBe('+PONG\r\n');
  });

  it('replicates', async () => {
    const [masterTls, replicaTls] = [await onePort(), await onePort()];
    const master = await startBundledServer([
      ...flags(masterTls),
      '--tls-replication',
      'yes',
      '--repl-diskless-sync-delay',
      '0',
    ]);
    onTestFinished(() => master.stop());
    const replica = await startBundledServer([
      ...flags(replicaTls),
      '--tls-replication',
      'yes',
      '--replicaof',
      '127.0.0.1',
      String(masterTls),
    ]);
    onTestFinished(() => replica.stop());
    const [writer, reader] = [new Redis(master.port), new Redis(replica.port)];
    onTestFinished(() => {
      writer.disconnect();
      reader.disconnect();
    });
    await writer.set('k', 'over tls');
    await poll('the replica to have it', async () => (await reader.get('k')) === 'over tls');
    await poll('the link', async () => (await reader.info('replication')).includes('master_link_status:up'));
  });
});
