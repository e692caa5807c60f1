import type { ConsumerGroup, PendingEntry } from '../../keyspace/values/consumer-group.ts';
import { formatId, type StreamId } from '../../keyspace/values/stream-id.ts';
import type { Context } from '../context.ts';

/** A group of a stream under its names, as commands to replicas and AOF need them. */
export interface NamedGroup {
  readonly key: string;
  readonly name: string;
  readonly group: ConsumerGroup;
}

/** Tells that an entry is pending, in a form that can be repeated without harm (source: streamPropagateXCLAIM). */
export function propagateClaim(
  ctx: Context,
  { key, name, group }: NamedGroup,
  id: StreamId,
  entry: PendingEntry,
): void {
  if (!ctx.server.propagation.isActive) return;
  ctx.alsoPropagate([
    'XCLAIM',
    key,
    name,
    entry.consumer.name,
    '0',
    formatId(id),
    'TIME',
    String(entry.deliveryTimeMs),
    'RETRYCOUNT',
    String(entry.deliveryCount),
    'FORCE',
    'JUSTID',
    'LASTID',
    formatId(group.lastId),
  ]);
}

/** Tells how far a group has read. */
export function propagateGroupId(ctx: Context, { key, name, group }: NamedGroup): void {
  const { lastId, entriesRead } = group;
  ctx.alsoPropagate(['XGROUP', 'SETID', key, name, formatId(lastId), 'ENTRIESREAD', String(entriesRead)]);
}

export function propagateConsumer(ctx: Context, { key, name }: NamedGroup, consumer: string): void {
  ctx.alsoPropagate(['XGROUP', 'CREATECONSUMER', key, name, consumer]);
}
