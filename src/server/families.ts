import type { Family } from './command/command.ts';
import { connectionCommands } from './command/families/connection.ts';
import { hashCommands } from './command/families/hashes.ts';
import { keyCommands } from './command/families/keys.ts';
import { listMoveCommands } from './command/families/list-moves.ts';
import { listCommands } from './command/families/lists.ts';
import { stringCommands } from './command/families/strings.ts';

/** Every command family the server has. A new one is added here and nowhere else. */
export const FAMILIES: readonly Family[] = [
  connectionCommands,
  stringCommands,
  keyCommands,
  listCommands,
  listMoveCommands,
  hashCommands,
];
