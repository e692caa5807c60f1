import type { Client } from '../observe/client.ts';
import { parseInfo, type StatsInfo } from '../observe/parse-info.ts';

/** Counters of resyncs and of what came from masters. All 0, and the latter null, where INFO is refused. */
export async function readStats(client: Client): Promise<StatsInfo> {
  const reply = await client.call('INFO', 'stats');
  return parseInfo(typeof reply === 'string' ? reply : '').stats;
}

/**
 * What came over a link that was made between two looks at the child: the data set and the stream behind it. Null when
 * the server does not count it (before 7.0), or its counters were set back.
 */
export function receivedBetween(before: StatsInfo | null, after: StatsInfo): number | null {
  const { replicationInputBytes: from } = before ?? { replicationInputBytes: 0 };
  const { replicationInputBytes: to } = after;
  return from === null || to === null || to < from ? null : to - from;
}
