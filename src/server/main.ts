/** Entry point of `bin/server.js`: redis-server's command line. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--version')) process.stdout.write('replctl-server\n');
}
