import { encodeCommand } from '../observe/encode-command.ts';
import type { RecoveredCommand } from './salvage.ts';
import { writeDurably } from './write-durably.ts';

/** Writes commands as a client would send them, so that `redis-cli --pipe` takes the file. It holds data: mode 0600. */
export async function saveCommands(file: string, commands: readonly RecoveredCommand[]): Promise<void> {
  const parts: Buffer[] = [];
  let selected: number | null = null;
  for (const { database, args } of commands) {
    if (database !== null && database !== selected) {
      parts.push(encodeCommand(['SELECT', String(database)]));
    }
    selected = database;
    parts.push(encodeCommand(args));
  }
  await writeDurably(file, Buffer.concat(parts));
}
