/** Classes of keyspace events, the bits behind `notify-keyspace-events` (source: server.h, NOTIFY_*). */
export const EVENT = {
  keyspace: 1,
  keyevent: 2,
  generic: 4,
  string: 8,
  list: 16,
  set: 32,
  hash: 64,
  zset: 128,
  expired: 256,
  evicted: 512,
  stream: 1024,
  keyMiss: 2048,
  module: 8192,
  new: 16384,
} as const;
