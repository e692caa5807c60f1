/** Type bytes of `src/rdb.h` (Redis 2.x to 8, Valkey 7.2 to 9). */
export const RDB_TYPE = {
  string: 0,
  list: 1,
  set: 2,
  zsetText: 3,
  hash: 4,
  zset: 5,
  modulePreGa: 6,
  module: 7,
  hashZipmap: 9,
  listZiplist: 10,
  setIntset: 11,
  zsetZiplist: 12,
  hashZiplist: 13,
  listQuicklist: 14,
  stream: 15,
  hashListpack: 16,
  zsetListpack: 17,
  listQuicklist2: 18,
  stream2: 19,
  setListpack: 20,
  stream3: 21,
  /** Under `VALKEY` magic (9.0): field, value, absolute expiry. */
  hashFieldExpiryValkey: 22,
  /** Under `REDIS` magic (7.4 release candidates): absolute expiry, field, value. */
  hashFieldExpiryPreGa: 22,
  hashListpackExpiryPreGa: 23,
  hashFieldExpiry: 24,
  hashListpackExpiry: 25,
} as const;

export const RDB_OPCODE = {
  slotImport: 243,
  slotInfo: 244,
  function2: 245,
  functionPreGa: 246,
  moduleAux: 247,
  idle: 248,
  freq: 249,
  aux: 250,
  resizeDb: 251,
  expireTimeMs: 252,
  expireTime: 253,
  selectDb: 254,
  eof: 255,
} as const;

/** Newest version that is read: Redis 7.4 and 8.0 write 12. */
export const NEWEST_REDIS_VERSION = 12;
/** Valkey counts from 80 since 9.0. */
export const OLDEST_VALKEY_VERSION = 80;
export const NEWEST_VALKEY_VERSION = 80;
/** Oldest version whose files end with a checksum. */
export const CHECKSUM_SINCE_VERSION = 5;
/** Latest time to live of a field that Redis takes (EB_EXPIRE_TIME_MAX in ebuckets.h). */
export const LATEST_FIELD_EXPIRY_MS = 2 ** 48 - 2;
