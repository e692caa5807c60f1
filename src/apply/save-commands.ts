import type { RecoveredCommand } from './salvage.ts';
import { writeDurably } from './write-durably.ts';

/** Writes commands as a client would send them, so that `redis-cli --pipe` takes the file. It holds data: mode 0600. */
export async function saveCommands(file: string, commands: readonly RecoveredCommand[]): Promise<void> {
  const parts: Buffer[] = [];
  let selected: number | null = null;
  for (const { database, args } of commands) {
    if (database !== null && database !== selected) {
      parts.push(encode([Buffer.from('SELECT'), Buffer.from(String(database))]));
    }
    selected = database;
    parts.push(encode(args));
  }
  await writeDurably(file, Buffer.concat(parts));
}

function encode(args: readonly Buffer[]): Buffer {
  const parts = args.flatMap((arg) => [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}
