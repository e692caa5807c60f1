import type { Client } from '../command/client.ts';
import { CLIENT_GATE } from '../command/gates.ts';
import { EVENT } from '../command/event-class.ts';
import { nameCost } from '../command/name-cost.ts';
import { matchGlob } from '../keyspace/match-glob.ts';
import type { Server } from '../server.ts';
import { push } from './push.ts';

/** What can be subscribed to: a channel, a pattern of channels, a shard channel. */
export type SubscriptionKind = 'channel' | 'pattern' | 'shard';

type Subscriptions = Readonly<Record<SubscriptionKind, Set<string>>>;

/** Who listens to what. Names and messages are binary strings. */
export class PubSub {
  readonly #listeners: Readonly<Record<SubscriptionKind, Map<string, Set<Client>>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };
  readonly #subscriptions = new Map<Client, Subscriptions>();

  /** Takes part in a server: forgets clients that go, publishes keyspace events. */
  attach(server: Server): void {
    server.onGone.push((client) => this.drop(client));
    server.publishKeyEvent = (dbIndex, eventClass, event, key) => {
      if ((server.notifyMask & eventClass) === 0) return;
      if ((server.notifyMask & EVENT.keyspace) !== 0)
        this.publish(`__keyspace@${String(dbIndex)}__:${key}`, event);
      if ((server.notifyMask & EVENT.keyevent) !== 0)
        this.publish(`__keyevent@${String(dbIndex)}__:${event}`, key);
    };
  }

  /** True when it is new. */
  subscribe(client: Client, kind: SubscriptionKind, name: string): boolean {
    const own = this.#subscriptions.get(client) ?? newSubscriptions();
    this.#subscriptions.set(client, own);
    if (own[kind].has(name)) return false;
    own[kind].add(name);
    client.nameBytes += nameCost(name);
    const listeners = this.#listeners[kind].get(name);
    if (listeners === undefined) this.#listeners[kind].set(name, new Set([client]));
    else listeners.add(client);
    this.#note(client);
    return true;
  }

  /** True when it was subscribed. */
  unsubscribe(client: Client, kind: SubscriptionKind, name: string): boolean {
    const own = this.#subscriptions.get(client);
    if (own?.[kind].delete(name) !== true) return false;
    client.nameBytes -= nameCost(name);
    const listeners = this.#listeners[kind].get(name);
    listeners?.delete(client);
    if (listeners?.size === 0) this.#listeners[kind].delete(name);
    if (this.count(client) === 0) this.#subscriptions.delete(client);
    this.#note(client);
    return true;
  }

  /** Ends everything a client listens to. */
  drop(client: Client): void {
    for (const kind of ['channel', 'pattern', 'shard'] as const)
      for (const name of this.names(client, kind)) this.unsubscribe(client, kind, name);
  }

  /** What a client listens to, in the order of its subscribing. */
  names(client: Client, kind: SubscriptionKind): string[] {
    return [...(this.#subscriptions.get(client)?.[kind] ?? [])];
  }

  /** How many subscriptions it has, of some kinds or all. */
  count(client: Client, kinds: readonly SubscriptionKind[] = ['channel', 'pattern', 'shard']): number {
    const own = this.#subscriptions.get(client);
    return own === undefined ? 0 : kinds.reduce((sum, kind) => sum + own[kind].size, 0);
  }

  /** Clients with any subscription. */
  get clientCount(): number {
    return this.#subscriptions.size;
  }

  /** Names of a kind that someone listens to. */
  active(kind: SubscriptionKind): string[] {
    return [...this.#listeners[kind].keys()];
  }

  listenerCount(kind: SubscriptionKind, name: string): number {
    return this.#listeners[kind].get(name)?.size ?? 0;
  }

  /** Sends a message to all who listen; returns to how many. */
  publish(channel: string, message: string): number {
    let count = 0;
    for (const client of this.#listeners.channel.get(channel) ?? []) {
      sendMessage(client, ['message', channel, message]);
      count += 1;
    }
    for (const [pattern, clients] of this.#listeners.pattern) {
      if (!matchGlob(pattern, channel)) continue;
      for (const client of clients) {
        sendMessage(client, ['pmessage', pattern, channel, message]);
        count += 1;
      }
    }
    return count;
  }

  publishToShard(channel: string, message: string): number {
    const listeners = this.#listeners.shard.get(channel);
    for (const client of listeners ?? []) sendMessage(client, ['smessage', channel, message]);
    return listeners?.size ?? 0;
  }

  #note(client: Client): void {
    const isSubscribed = this.count(client) > 0;
    if (client.isOrdinary) client.kind = isSubscribed ? 'pubsub' : 'normal';
    const isLimited = isSubscribed && client.reply.version === 2;
    client.gates = isLimited ? client.gates | CLIENT_GATE.subscribed : client.gates & ~CLIENT_GATE.subscribed;
  }

  /** The protocol version changed. */
  refresh(client: Client): void {
    this.#note(client);
  }
}

function newSubscriptions(): Subscriptions {
  return { channel: new Set(), pattern: new Set(), shard: new Set() };
}

function sendMessage(client: Client, parts: readonly string[]): void {
  push(client, (reply) => {
    reply.pushHeader(parts.length);
    for (const part of parts) reply.bulkString(part);
  });
}

const EVENT_BITS: Readonly<Record<string, number>> = {
  K: EVENT.keyspace,
  E: EVENT.keyevent,
  g: EVENT.generic,
  $: EVENT.string,
  l: EVENT.list,
  s: EVENT.set,
  h: EVENT.hash,
  z: EVENT.zset,
  x: EVENT.expired,
  e: EVENT.evicted,
  t: EVENT.stream,
  m: EVENT.keyMiss,
  d: EVENT.module,
  n: EVENT.new,
};

/** The bits of EVENT that a value of `notify-keyspace-events` (as CONFIG GET shows it) stands for. */
export function eventMask(value: string): number {
  let mask = 0;
  for (const char of value.replace('A', 'g$lshzxetd')) mask |= EVENT_BITS[char] ?? 0;
  return mask;
}
