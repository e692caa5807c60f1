import { MalformedData } from './rdb-error.ts';
import type { StreamGroup, StreamState } from './rdb-sink.ts';
import { rawStreamId, splitStreamId } from './stream-id.ts';

/**
 * Name of the AUX field that precedes a stream written in the form that every reader knows, and holds what that form
 * has no place for. Readers skip AUX fields they don't know, so real servers estimate these numbers as they do for
 * files of 6.2, and a bundled server loses nothing.
 */
export const STREAM_COUNTERS_AUX = 'replctl-stream-counters';

/** `first max-deleted entries-added`, then one `|entries-read active-time…` per group, in the order of the file. */
export function formatStreamCounters(state: StreamState, groups: readonly StreamGroup[]): string {
  const head = [idText(state.firstId), idText(state.maxDeletedId), state.entriesAdded ?? state.length].join(
    ' ',
  );
  const tails = groups.map(({ entriesRead, consumers }) =>
    [entriesRead ?? -1, ...consumers.map((consumer) => consumer.activeAtMs)].join(' '),
  );
  return [head, ...tails].join('|');
}

export interface StreamCounters {
  readonly state: Pick<StreamState, 'firstId' | 'maxDeletedId' | 'entriesAdded'>;
  readonly groups: readonly { readonly entriesRead: number; readonly activeAtMs: readonly number[] }[];
}

/** The inverse. Throws `MalformedData`. */
export function parseStreamCounters(text: string): StreamCounters {
  const [head = '', ...tails] = text.split('|');
  const [first = '', maxDeleted = '', added = ''] = head.split(' ');
  return {
    state: { firstId: parseId(first), maxDeletedId: parseId(maxDeleted), entriesAdded: parseNumber(added) },
    groups: tails.map((tail) => {
      const [entriesRead = '', ...active] = tail.split(' ');
      return { entriesRead: parseNumber(entriesRead), activeAtMs: active.map(parseNumber) };
    }),
  };
}

/** The group with what its file's form left out put back. */
export function completeGroup(
  group: StreamGroup,
  counters: StreamCounters | undefined,
  index: number,
): StreamGroup {
  const known = counters?.groups[index];
  if (known === undefined) return group;
  return {
    ...group,
    entriesRead: known.entriesRead,
    consumers: group.consumers.map((consumer, at) => ({
      ...consumer,
      activeAtMs: known.activeAtMs[at] ?? consumer.activeAtMs,
    })),
  };
}

function idText(id: string | undefined): string {
  if (id === undefined) return '0-0';
  const { ms, seq } = splitStreamId(id);
  return `${ms}-${seq}`;
}

function parseId(text: string): string {
  const [, ms, seq] = /^(\d+)-(\d+)$/.exec(text) ?? refuse();
  return rawStreamId(BigInt(ms ?? refuse()), BigInt(seq ?? refuse()));
}

function parseNumber(text: string): number {
  return /^-?\d+$/.test(text) ? Number(text) : refuse();
}

function refuse(): never {
  throw new MalformedData(`a malformed ${STREAM_COUNTERS_AUX}`);
}
