import type { Client } from '../observe/client.ts';
import { parseInfo } from '../observe/parse-info.ts';
import type { NodeId } from '../topology/model.ts';
import { askEach } from './ask-each.ts';
import type { Deployment } from './deployment.ts';
import type { Edge } from './edge-watch.ts';

/** How often a node has sent all its data since its process began (`sync_full`). */
export interface CopyCount {
  readonly runId: string;
  readonly served: number;
}

/** Copies that no step of the plan accounts for. */
export interface UnforeseenCopies {
  readonly parent: NodeId;
  readonly copies: number;
}

const REPLY_TIMEOUT_MS = 500;

/** Of every node that is ours and answers. */
export function countCopies(deployment: Deployment): Promise<Map<NodeId, CopyCount>> {
  const ids = deployment.everyone.nodes.map(({ id }) => id);
  const started = ids.filter((id) => deployment.access.recordedOf(id) !== null);
  return askEach(deployment, started, REPLY_TIMEOUT_MS, countOf);
}

async function countOf(client: Client): Promise<CopyCount> {
  const replies = await client.pipeline([
    ['INFO', 'server'],
    ['INFO', 'stats'],
  ]);
  const { server, stats } = parseInfo(replies.filter((reply) => typeof reply === 'string').join('\r\n'));
  return { runId: server.runId, served: stats.syncFull };
}

/** A replica whose own link no step touched may be copied all the same, when its parent's history moves. */
export function unforeseenCopies(
  before: ReadonlyMap<NodeId, CopyCount>,
  after: ReadonlyMap<NodeId, CopyCount>,
  made: readonly Edge[],
): UnforeseenCopies[] {
  return [...after].flatMap(([parent, { runId, served }]) => {
    const earlier = before.get(parent);
    const since = earlier?.runId === runId ? earlier.served : 0;
    const known = made.filter((edge) => edge.parent === parent && wasFull(edge)).length;
    const copies = served - since - known;
    return copies > 0 ? [{ parent, copies }] : [];
  });
}

function wasFull({ actual, predicted }: Edge): boolean {
  return (actual ?? predicted)?.verdict === 'FULL';
}
