import type { Family } from './command/command.ts';
import { bitfieldCommands } from './command/families/bitfield.ts';
import { bitCommands } from './command/families/bits.ts';
import { connectionCommands } from './command/families/connection.ts';
import { dumpCommands } from './command/families/dump-restore.ts';
import { expireCommands } from './command/families/expire.ts';
import { functionCommands } from './command/families/functions.ts';
import { hashExpiryCommands } from './command/families/hash-expiry.ts';
import { hashCommands } from './command/families/hashes.ts';
import { hyperloglogCommands } from './command/families/hyperloglog.ts';
import { keyCommands } from './command/families/keys.ts';
import { lcsCommands } from './command/families/lcs.ts';
import { listMoveCommands } from './command/families/list-moves.ts';
import { listCommands } from './command/families/lists.ts';
import { migrateCommands } from './command/families/migrate.ts';
import { objectCommands } from './command/families/objects.ts';
import { persistenceCommands } from './command/families/persistence.ts';
import { replicationCommands } from './command/families/replication.ts';
import { scriptingCommands } from './command/families/scripting.ts';
import { setAlgebraCommands } from './command/families/set-algebra.ts';
import { setCommands } from './command/families/sets.ts';
import { sortCommands } from './command/families/sort.ts';
import { sortedSetCommands } from './command/families/sorted-sets.ts';
import { stringCommands } from './command/families/strings.ts';
import { transactionCommands } from './command/families/transactions.ts';
import { zsetAlgebraCommands } from './command/families/zset-algebra.ts';
import { zsetPopCommands } from './command/families/zset-pops.ts';
import { zsetRangeCommands } from './command/families/zset-ranges.ts';
import { streamClaimCommands } from './command/families/stream-claims.ts';
import { streamGroupCommands } from './command/families/stream-groups.ts';
import { streamInfoCommands } from './command/families/stream-info.ts';
import { streamReadCommands } from './command/families/stream-reads.ts';
import { streamCommands } from './command/families/streams.ts';
import { unsupportedCommands } from './command/families/unsupported.ts';
import { geoSearchCommands } from './command/families/geo-search.ts';
import { geoCommands } from './command/families/geo.ts';

/** Every command family the server has. A new one is added here and nowhere else. */
export const FAMILIES: readonly Family[] = [
  connectionCommands,
  stringCommands,
  keyCommands,
  listCommands,
  listMoveCommands,
  hashCommands,
  hashExpiryCommands,
  geoCommands,
  geoSearchCommands,
  streamCommands,
  streamReadCommands,
  streamInfoCommands,
  streamGroupCommands,
  streamClaimCommands,
  zsetRangeCommands,
  zsetPopCommands,
  zsetAlgebraCommands,
  sortedSetCommands,
  setCommands,
  setAlgebraCommands,
  replicationCommands,
  bitCommands,
  bitfieldCommands,
  hyperloglogCommands,
  dumpCommands,
  expireCommands,
  lcsCommands,
  migrateCommands,
  objectCommands,
  sortCommands,
  transactionCommands,
  persistenceCommands,
  scriptingCommands,
  functionCommands,
  unsupportedCommands,
];
