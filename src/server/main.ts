import { randomInt } from 'node:crypto';
import { SYSTEM_CLOCK } from './clock.ts';
import { FAMILIES } from './families.ts';
import { Listener } from './net/listener.ts';
import { Server } from './server.ts';

const DEFAULTS: Readonly<Record<string, string>> = {
  databases: '16',
  'proto-max-bulk-len': String(512 << 20),
  'client-query-buffer-limit': String(1 << 30),
};

/** Entry point of `bin/server.js`: redis-server's command line. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--version')) {
    process.stdout.write('replctl-server\n');
    return;
  }
  const portAt = args.indexOf('--port');
  const port = portAt < 0 ? 6379 : Number(args[portAt + 1]);
  const text = (name: string): string => DEFAULTS[name] ?? '';
  const server = new Server({
    clock: SYSTEM_CLOCK,
    random: (below) => (below <= 1 ? 0 : randomInt(below)),
    log: (_level, line) => process.stdout.write(`${line}\n`),
    config: {
      text,
      number: (name) => Number(text(name)),
      flag: (name) => text(name) === 'yes',
      words: (name) => text(name).split(' '),
      onChange: (name, listener) => listener(text(name)),
    },
    families: FAMILIES,
  });
  await new Listener(server).listen({ host: '127.0.0.1', port });
  server.log('notice', 'Ready to accept connections');
}
