import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { release, totalmem, type as osType, machine } from 'node:os';
import path from 'node:path';
import type { ConfError, ConfFile } from '../../conf/parse-conf.ts';
import { Admin } from '../admin/admin.ts';
import { Shutdown } from '../admin/shutdown.ts';
import { VERSION } from '../admin/version.ts';
import { SYSTEM_CLOCK } from '../clock.ts';
import type { CommandLine } from '../config/command-line.ts';
import { LiveConfig } from '../config/live-config.ts';
import { loadConfig, type LoadedConfig } from '../config/load-config.ts';
import { readInclude } from '../config/read-include.ts';
import { FAMILIES } from '../families.ts';
import { SpoolFile } from '../replication/spool-file.ts';
import { Server } from '../server.ts';
import { attachData } from './attach-data.ts';
import { daemonize } from './daemonize.ts';
import { dialMaster } from './dial-master.ts';
import { Endpoints, ListenError } from './endpoints.ts';
import { createLog } from './log-file.ts';
import { followOomScore } from './oom-score.ts';
import { createRandom } from './random-source.ts';
import { checkTls } from './tls-check.ts';
import { tlsClientOptions } from './tls-options.ts';

type RunLine = CommandLine & { action: 'run' };

/**
 * Runs a server in this process as redis-server does: reads the configuration, goes to the background if asked,
 * loads the data, listens. Says what is wrong in Redis' words and sets the exit code when it can't.
 */
export async function startServer(line: RunLine): Promise<void> {
  const stdin = line.readStdin ? readFileSync(0) : undefined;
  const loaded = readConfig(line, stdin);
  if (loaded === undefined) {
    process.exitCode = 1;
    return;
  }
  if (loaded.values.get('daemonize') === 'yes' && (await daemonize(stdin))) return;
  await run(line, loaded);
}

async function run(line: RunLine, loaded: LoadedConfig): Promise<void> {
  const configFile = line.file === undefined ? '' : path.resolve(line.file);
  const config = new LiveConfig(loaded.values);
  if (!enterFolder(config)) {
    process.exitCode = 1;
    return;
  }
  const inFolder = (file: string): string => path.resolve(config.text('dir'), file);
  const shutdown = new Shutdown();
  const admin = new Admin(
    config,
    {
      executable: process.argv[1] ?? process.execPath,
      configFile,
      pid: process.pid,
      tcpPort: () => endpoints.tcpPort,
      memory: () => process.memoryUsage(),
      cpu: () => process.cpuUsage(),
      totalMemoryBytes: totalmem(),
      osName: `${osType()} ${release()} ${machine()}`,
    },
    shutdown,
  );
  let role = (): 'M' | 'S' => 'M';
  const log = createLog({
    file: () => (config.text('logfile') === '' ? '' : inFolder(config.text('logfile'))),
    level: () => config.text('loglevel'),
    role: () => role(),
  });
  const server = new Server({
    clock: SYSTEM_CLOCK,
    random: createRandom(),
    log,
    config,
    families: [...FAMILIES, ...admin.families],
  });
  for (const [name, newName] of loaded.renames) {
    const error = server.commands.rename(name, newName);
    if (error !== undefined) return fail(log, error);
  }
  // The log has said why.
  server.crash = () => process.exit(1);
  role = () => (server.isReplica ? 'S' : 'M');
  const endpoints = new Endpoints(server, config, inFolder);
  followOomScore(server, config);
  log('notice', 'oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo');
  log(
    'notice',
    `Redis version=${VERSION}, bits=64, commit=00000000, modified=0, pid=${String(process.pid)}, just started`,
  );
  log(
    line.file === undefined && line.options === '' && !line.readStdin ? 'warning' : 'notice',
    line.file === undefined && line.options === '' && !line.readStdin
      ? 'Warning: no config file specified, using the default config. In order to specify a config file use replctl-server /path/to/redis.conf'
      : 'Configuration loaded',
  );
  const userError = admin.attach(server, loaded.users);
  if (userError !== undefined) return fail(log, userError);
  const data = attachData(server, config, admin.sources, {
    connect: dialMaster(config, inFolder),
    createSpool: () => new SpoolFile(config.text('dir')),
  });
  server.exchanger.tls = () => (config.flag('tls-cluster') ? tlsClientOptions(config, inFolder) : undefined);
  log('notice', `Running mode=standalone, port=${config.text('port')}.`);
  // redis-server's logo tells the pid, and Redis' test suite waits for it.
  log('notice', `PID: ${String(process.pid)}`);
  const pidFile = writePidFile(config, inFolder);
  shutdown.ports = {
    persist: data.persist,
    replicas: data.replicas,
    requestAcks: data.requestAcks,
    exit: (code) => {
      endpoints.close();
      if (pidFile !== undefined) rmSync(pidFile, { force: true });
      for (const client of server.clients.values()) client.close();
      process.exit(code);
    },
  };
  try {
    if (!checkTls(server, config, inFolder))
      throw new Error('Failed to configure TLS. Check logs for more info.');
    const kinds = await endpoints.open();
    log('notice', 'Server initialized');
    await data.load();
    for (const kind of kinds) log('notice', `Ready to accept connections ${kind}`);
    data.follow();
  } catch (error) {
    endpoints.close();
    if (pidFile !== undefined) rmSync(pidFile, { force: true });
    if (!(error instanceof ListenError))
      log('warning', error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
  handleSignals(server, shutdown);
}

function fail(log: (level: 'warning', text: string) => void, text: string): void {
  log('warning', text);
  process.exitCode = 1;
}

function readConfig(line: RunLine, stdin: Buffer | undefined): LoadedConfig | undefined {
  const files: ConfFile[] = [];
  if (line.file !== undefined) {
    const file = readInclude(line.file);
    if (typeof file === 'string') {
      process.stderr.write(`${file}\n`);
      return undefined;
    }
    files.push(...file);
  }
  if (stdin !== undefined) files.push({ path: 'stdin', content: stdin });
  files.push({ path: 'command line', content: Buffer.from(line.options, 'latin1') });
  const result = loadConfig(files, readInclude);
  if (result.ok) return result.config;
  process.stderr.write(describe(result.error));
  return undefined;
}

function describe({ file, line, raw, message }: ConfError): string {
  return (
    `\n*** FATAL CONFIG FILE ERROR (Redis ${VERSION}) ***\n` +
    `Reading the configuration file, at line ${String(line)} of ${file}\n>>> '${raw}'\n${message}\n`
  );
}

/** `dir` is the working directory from here on, and absolute in CONFIG GET. */
function enterFolder(config: LiveConfig): boolean {
  const wanted = config.text('dir');
  try {
    if (wanted !== '') process.chdir(Buffer.from(wanted, 'latin1').toString());
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? 'No such file or directory'
        : String(error);
    process.stderr.write(
      `\n*** FATAL CONFIG FILE ERROR (Redis ${VERSION}) ***\n>>> 'dir "${wanted}"'\n${reason}\n`,
    );
    return false;
  }
  config.note('dir', process.cwd());
  config.onApply('dir', (folder) => {
    const target = path.resolve(process.cwd(), folder);
    if (statSync(target, { throwIfNoEntry: false })?.isDirectory() !== true)
      return 'No such file or directory';
    process.chdir(target);
    return undefined;
  });
  config.onChange('dir', () => config.note('dir', process.cwd()));
  return true;
}

/** A daemon has one in any case; that it can't be written is no reason to stop. */
function writePidFile(config: LiveConfig, inFolder: (file: string) => string): string | undefined {
  const named = config.text('pidfile');
  if (named === '' && !config.flag('daemonize')) return undefined;
  const file = named === '' ? '/var/run/redis.pid' : inFolder(named);
  try {
    writeFileSync(file, `${String(process.pid)}\n`);
    return file;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

function handleSignals(server: Server, shutdown: Shutdown): void {
  for (const [signal, directive] of [
    ['SIGTERM', 'shutdown-on-sigterm'],
    ['SIGINT', 'shutdown-on-sigint'],
  ] as const) {
    process.on(signal, () => {
      if (shutdown.isWaiting) process.exit(1);
      server.log('warning', `Received ${signal} scheduling shutdown...`);
      const words = server.config.words(directive);
      const save = words.includes('save') ? true : words.includes('nosave') ? false : undefined;
      server.refreshTime();
      shutdown.begin(
        server,
        { save, isNow: words.includes('now'), isForced: words.includes('force') },
        (error) => server.log('warning', error),
      );
    });
  }
  // The log opens its file for each line, so there is nothing to do; without a handler Node would start its debugger.
  process.on('SIGUSR1', () => server.log('notice', 'Received SIGUSR1'));
  process.on('SIGHUP', () => undefined);
}
