import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ConfFile } from '../conf/parse-conf.ts';
import { SYSTEM_CLOCK } from './clock.ts';
import { parseCommandLine } from './config/command-line.ts';
import { LiveConfig } from './config/live-config.ts';
import { loadConfig } from './config/load-config.ts';
import { readInclude } from './config/read-include.ts';
import { FAMILIES } from './families.ts';
import { dial } from './net/dial.ts';
import { Listener } from './net/listener.ts';
import { Persistence } from './persistence/persistence.ts';
import { attachReplication, followConfigured } from './replication/attach-replication.ts';
import { SpoolFile } from './replication/spool-file.ts';
import { Server } from './server.ts';

/** Entry point of `bin/server.js`: redis-server's command line. */
export async function main(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(args);
  if (line.action !== 'run') {
    process.stdout.write('replctl-server\n');
    return;
  }
  const config = readConfig(line.file, line.options);
  const server = new Server({
    clock: SYSTEM_CLOCK,
    random: (below) => (below <= 1 ? 0 : randomInt(below)),
    log: (_level, text) => process.stdout.write(`${text}\n`),
    config,
    families: FAMILIES,
  });
  const folder = (): string => path.resolve(config.text('dir'));
  const persistence = new Persistence(server);
  const replication = attachReplication(server, {
    connect: ({ host, port }, events) => dial(host, port, events),
    createSpool: () => new SpoolFile(folder()),
    fsyncedOffset: () => persistence.log?.syncedOffset ?? null,
    snapshots: persistence.snapshots,
    receiver: persistence.receiver,
  });
  persistence.sources.streamPosition = () => replication.savePosition() ?? undefined;
  for (const host of config.words('bind')) {
    if (!host.startsWith('-'))
      await new Listener(server).listen({
        host: host === '*' ? '0.0.0.0' : host,
        port: config.number('port'),
      });
  }
  await persistence.loadAtStart();
  if (persistence.loadedPosition !== undefined) {
    replication.restore(persistence.loadedPosition, config.text('replicaof') !== '');
  }
  server.log('notice', 'Ready to accept connections');
  followConfigured(server);
}

function readConfig(file: string | undefined, options: string): LiveConfig {
  const files: ConfFile[] = [];
  if (file !== undefined) files.push({ path: file, content: readFileSync(file) });
  files.push({ path: 'command line', content: options });
  const loaded = loadConfig(files, readInclude);
  if (!loaded.ok) throw new Error(`${loaded.error.file}:${loaded.error.line} ${loaded.error.message}`);
  return new LiveConfig(loaded.config.values);
}
