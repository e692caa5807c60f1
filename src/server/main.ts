import { VERSION } from './admin/version.ts';
import { parseCommandLine } from './config/command-line.ts';
import { startServer } from './process/start-server.ts';

const USAGE = `Usage: replctl-server [/path/to/redis.conf] [options] [-]
       replctl-server - (read config from stdin)
       replctl-server -v or --version
       replctl-server -h or --help

Examples:
       replctl-server (run the server with default conf)
       echo 'maxmemory 128mb' | replctl-server -
       replctl-server /etc/redis/6379.conf
       replctl-server --port 7777
       replctl-server --port 7777 --replicaof 127.0.0.1 8888
       replctl-server /etc/myredis.conf --loglevel verbose -
       replctl-server /etc/myredis.conf --loglevel verbose
`;

/** Entry point of `bin/server.js`: redis-server's command line. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const line = parseCommandLine(args);
  if (line.action === 'version')
    process.stdout.write(`Redis server v=${VERSION} sha=00000000:0 malloc=node bits=64 build=replctl\n`);
  else if (line.action === 'help') process.stdout.write(USAGE);
  else await startServer(line);
}
