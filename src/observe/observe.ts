import type { NodeId, NodeSpec } from '../topology/model.ts';
import { ReplctlError } from '../errors.ts';
import type { Access } from './access.ts';
import { type AddressBook, makeAddressBook } from './address-book.ts';
import { type Client, tryConnect } from './client.ts';
import { type RawConfig, maskConfig, readConfig, stateOfSecrets } from './config-secrets.ts';
import { findControllers } from './find-controllers.ts';
import type {
  CredentialAnswer,
  DeadNode,
  DeadReason,
  LiveNode,
  Observation,
  ProcessFacts,
} from './observation.ts';
import { type Info, parseInfo } from './parse-info.ts';
import { type Role, parseRole } from './parse-role.ts';
import { readProcessFacts } from './process-facts.ts';
import { ErrorReply } from './reply.ts';

export interface ObserveOptions {
  /** For each node to connect, and for each of its replies. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads everything that `compare` needs, from all nodes side by side. Sends nothing that changes anything. Never fails
 * because of a node: one that does not answer is a DeadNode with the reason.
 */
export async function observe(access: Access, options: ObserveOptions): Promise<Observation> {
  const atMs = Date.now();
  const { nodes } = access.topology;
  const readings = await Promise.all(nodes.map((node) => readNode(access, node, options)));
  const live = readings.filter((reading) => reading.kind === 'reading');
  try {
    const book = await makeAddressBook(nodes, seenHosts(live.map(({ info }) => info)));
    const parents = new Map(live.map((reading) => [reading.node.id, findParent(reading, book.findNode)]));
    await rereadParents(live, parents);
    const answers = await Promise.all(
      live.map((reading) => askParent(access, reading, live, parents, options)),
    );
    const observed = readings.map((reading): [NodeId, LiveNode | DeadNode] => {
      if (reading.kind === 'dead') return [reading.id, reading];
      const { node, info, config } = reading;
      const { link } = info.replication;
      const listed = info.replication.replicas.map((replica) => ({
        ...replica,
        node: book.findNode(replica.host, replica.port, node),
      }));
      return [
        node.id,
        {
          kind: 'live',
          id: node.id,
          process: reading.process,
          info,
          role: reading.role,
          follows:
            link === null ? null : { host: link.host, port: link.port, node: parents.get(node.id) ?? null },
          listed,
          config: maskConfig(config),
          secrets: stateOfSecrets(config, access.passwordOf(node)),
          parentSays: answers[live.indexOf(reading)] ?? null,
          controllers: reading.controllers,
          roundTripMs: reading.roundTripMs,
        },
      ];
    });
    return { atMs, nodes: new Map(observed) };
  } finally {
    for (const { client } of live) client.close();
  }
}

/** A live node while the pass lasts: its connection is open and its secrets are not masked yet. */
interface Reading {
  readonly kind: 'reading';
  readonly node: NodeSpec;
  readonly client: Client;
  readonly process: ProcessFacts;
  info: Info;
  readonly role: Role;
  readonly config: RawConfig;
  readonly controllers: LiveNode['controllers'];
  readonly roundTripMs: number;
}

async function readNode(
  access: Access,
  node: NodeSpec,
  options: ObserveOptions,
): Promise<Reading | DeadNode> {
  const [process, answer] = await Promise.all([
    readProcessFacts(access, node),
    askNode(node, access.passwordOf(node), options),
  ]);
  return 'reason' in answer
    ? { kind: 'dead', id: node.id, process, ...answer }
    : { kind: 'reading', node, process, ...answer };
}

type Answer =
  Omit<Reading, 'kind' | 'node' | 'process'> | { readonly reason: DeadReason; readonly said: string };

async function askNode(node: NodeSpec, password: string | null, options: ObserveOptions): Promise<Answer> {
  const connected = await tryConnect(node, { password, ...options });
  if (!connected.ok) return { reason: connected.reason, said: connected.said };
  const { client } = connected;
  try {
    const startedMs = performance.now();
    const [infoReply, roleReply = null, configReply = null, clientsReply = null] = await client.pipeline([
      ['INFO'],
      ['ROLE'],
      ['CONFIG', 'GET', '*'],
      ['CLIENT', 'LIST', 'TYPE', 'pubsub'],
    ]);
    const roundTripMs = performance.now() - startedMs;
    if (typeof infoReply !== 'string') {
      client.close();
      return refusedInfo(
        infoReply instanceof ErrorReply ? infoReply : new ErrorReply('ERR INFO gave no text'),
      );
    }
    const info = parseInfo(infoReply);
    return {
      client,
      info,
      role: parseRole(roleReply) ?? roleFromInfo(info),
      config: readConfig(configReply),
      controllers: findControllers(info, clientsReply),
      roundTripMs,
    };
  } catch (error) {
    client.close();
    options.signal?.throwIfAborted();
    if (!(error instanceof ReplctlError)) throw error;
    return { reason: error.code === 'TIMEOUT' ? 'timeout' : 'unreachable', said: error.message };
  }
}

const REASONS: Readonly<Record<string, DeadReason>> = { LOADING: 'loading', BUSY: 'busy' };

function refusedInfo(reply: ErrorReply): { reason: DeadReason; said: string } {
  const isAuth = ['NOAUTH', 'NOPERM', 'WRONGPASS', 'DENIED'].includes(reply.code);
  return { reason: isAuth ? 'auth' : (REASONS[reply.code] ?? 'error'), said: reply.message };
}

/** For users that may not ask ROLE. */
function roleFromInfo({ server, replication: { link, offset } }: Info): Role {
  if (server.mode === 'sentinel') return { role: 'sentinel' };
  if (link === null) return { role: 'master', offset };
  const state = link.isUp ? 'connected' : link.isSyncing ? 'sync' : 'connect';
  return { role: 'replica', host: link.host, port: link.port, state, offset: link.appliedOffset };
}

function seenHosts(infos: readonly Info[]): string[] {
  return infos.flatMap(({ replication: { link, replicas } }) => [
    ...(link === null ? [] : [link.host]),
    ...replicas.map(({ host }) => host),
  ]);
}

function findParent({ node, info }: Reading, findNode: AddressBook['findNode']): NodeId | null {
  const { link } = info.replication;
  return link === null ? null : findNode(link.host, link.port, node);
}

/** Offsets move while one reads: each parent is read again after its children, the deepest first. */
async function rereadParents(
  live: readonly Reading[],
  parents: ReadonlyMap<NodeId, NodeId | null>,
): Promise<void> {
  const levels = new Map<number, Reading[]>();
  const withChildren = new Set(parents.values());
  for (const reading of live.filter(({ node }) => withChildren.has(node.id))) {
    const depth = depthOf(reading.node.id, parents);
    levels.set(depth, [...(levels.get(depth) ?? []), reading]);
  }
  for (const depth of [...levels.keys()].sort((a, b) => b - a)) {
    await Promise.all((levels.get(depth) ?? []).map(rereadReplication));
  }
}

/** Steps up to the root; a ring ends after one round. */
function depthOf(id: NodeId, parents: ReadonlyMap<NodeId, NodeId | null>): number {
  let depth = 0;
  for (let at = parents.get(id) ?? null; at !== null && depth < parents.size; at = parents.get(at) ?? null)
    depth++;
  return depth;
}

async function rereadReplication(reading: Reading): Promise<void> {
  try {
    const reply = await reading.client.call('INFO', 'replication');
    if (typeof reply === 'string') {
      reading.info = { ...reading.info, replication: parseInfo(reply).replication };
    }
  } catch (error) {
    // It died within this pass: what it said a moment ago stands, the next pass will tell.
    if (!(error instanceof ReplctlError)) throw error;
  }
}

/** Tries a disconnected replica's own credentials on its parent, since no INFO field says why a link does not come up. */
async function askParent(
  access: Access,
  { node, info, config }: Reading,
  live: readonly Reading[],
  parents: ReadonlyMap<NodeId, NodeId | null>,
  options: ObserveOptions,
): Promise<CredentialAnswer | null> {
  const { link } = info.replication;
  if (link === null || link.isUp || link.isSyncing) return null;
  const parent = access.topology.nodes.find(({ id }) => id === parents.get(node.id));
  if (parent === undefined) return null;
  const user = config.get('masteruser') || null;
  const password = config.get('masterauth') || null;
  const endpoint = { ...parent, auth: { user: password === null ? null : user } };
  const connected = await tryConnect(endpoint, { password, ...options });
  if (!connected.ok) {
    return connected.reason === 'auth'
      ? { errorCode: connected.said.split(' ', 1)[0] ?? '', command: 'AUTH' }
      : null;
  }
  connected.client.close();
  const above = live.find(({ node: { id } }) => id === parent.id);
  return above === undefined
    ? { errorCode: null, command: null }
    : askPermission(above.client, user ?? 'default');
}

/** PSYNC itself cannot be tried without starting a copy; from 7.0 on the parent tells what it would say to it. */
async function askPermission(parent: Client, user: string): Promise<CredentialAnswer> {
  try {
    const reply = await parent.call('ACL', 'DRYRUN', user, 'PSYNC', '?', '-1');
    const isDenied = typeof reply === 'string' && reply !== 'OK';
    return isDenied ? { errorCode: 'NOPERM', command: 'PSYNC' } : { errorCode: null, command: null };
  } catch (error) {
    if (error instanceof ReplctlError) return { errorCode: null, command: null };
    throw error;
  }
}
