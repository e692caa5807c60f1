import type { StatsInfo } from '../observe/parse-info.ts';
import type { ResyncForecast, Step } from '../plan/step.ts';
import type { NodeId } from '../topology/model.ts';
import { askEach } from './ask-each.ts';
import type { Deployment } from './deployment.ts';
import { readStats, receivedBetween } from './read-stats.ts';

/** What making a link cost in fact. */
export interface ResyncFact {
  readonly verdict: 'PARTIAL' | 'FULL';
  /** What came over it: the stream it had missed, or the copied data set; null when that was not counted. */
  readonly bytes: number | null;
}

/** One link that an operation made: what was foreseen, and what happened. */
export interface Edge {
  readonly node: NodeId;
  readonly parent: NodeId;
  readonly predicted: ResyncForecast | null;
  /** null when it was not made, or could not be told. */
  readonly actual: ResyncFact | null;
}

/** The link that a step makes; null for one that makes none. */
export function edgeOf(step: Step): Omit<Edge, 'actual'> | null {
  switch (step.kind) {
    case 'rehang':
      return { node: step.node, parent: step.to, predicted: step.resync };
    case 'verify-link':
      return { node: step.node, parent: step.parent, predicted: step.resync };
    case 'start-node':
    case 'restart-node':
      return step.parent === null ? null : { node: step.node, parent: step.parent, predicted: step.resync };
    default:
      return null;
  }
}

/** A link that comes up by itself, and its parent's counter before. */
interface PendingEdge {
  readonly node: NodeId;
  readonly parent: NodeId;
  readonly fullBefore: number;
}

const REPLY_TIMEOUT_MS = 1_000;

/**
 * Tells what the links cost that come up by themselves after a start: by the parent's counters, once all are ready.
 * Steps that wait for their link measure it themselves, and say so by `record`.
 */
export class EdgeWatch {
  private readonly facts = new Map<Step, ResyncFact>();
  private readonly pending = new Map<Step, PendingEdge>();
  private known: ReadonlyMap<NodeId, StatsInfo> = new Map();
  private readonly deployment: Deployment;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  record(step: Step, fact: ResyncFact): void {
    this.facts.set(step, fact);
  }

  /** Before a stage: reads the counters of those under whom nodes will be started. */
  async begin(steps: readonly Step[]): Promise<void> {
    const starts = steps.flatMap((step) => {
      if (step.kind !== 'start-node' && step.kind !== 'restart-node') return [];
      const { node, parent } = step;
      return parent === null ? [] : [{ step, node, parent }];
    });
    const stats = await this.readAll(starts.map(({ parent }) => parent));
    for (const { step, node, parent } of starts) {
      const before = stats.get(parent);
      if (before !== undefined) this.pending.set(step, { node, parent, fullBefore: before.syncFull });
    }
  }

  /** Counters that were read when nodes had become ready, for `settle`. */
  note(stats: ReadonlyMap<NodeId, StatsInfo>): void {
    this.known = stats;
  }

  /** When all that was started is ready. */
  async settle(): Promise<void> {
    const edges = [...this.pending.values()];
    const ids = edges.flatMap(({ node, parent }) => [node, parent]);
    const unknown = await this.readAll(ids.filter((id) => !this.known.has(id)));
    const stats = new Map([...this.known, ...unknown]);
    this.known = new Map();
    for (const parent of new Set(edges.map((edge) => edge.parent))) {
      const after = stats.get(parent);
      if (after === undefined) continue;
      const waiting = [...this.pending].filter(([, edge]) => edge.parent === parent);
      const before = Math.min(...waiting.map(([, { fullBefore }]) => fullBefore));
      const verdicts = tell(
        waiting.map(([step]) => step),
        after.syncFull - before,
      );
      for (const [step, verdict] of verdicts) {
        const child = stats.get(this.pending.get(step)?.node ?? '');
        // Its counters began with it.
        this.facts.set(step, { verdict, bytes: child === undefined ? null : receivedBetween(null, child) });
      }
    }
    this.pending.clear();
  }

  factOf(step: Step): ResyncFact | null {
    return this.facts.get(step) ?? null;
  }

  private readAll(nodes: readonly NodeId[]): Promise<Map<NodeId, StatsInfo>> {
    return askEach(this.deployment, nodes, REPLY_TIMEOUT_MS, readStats);
  }
}

/** Who of several children of one parent was copied, when the parent only counts how many were. */
function tell(steps: readonly Step[], fulls: number): [Step, ResyncFact['verdict']][] {
  if (fulls <= 0) return steps.map((step) => [step, 'PARTIAL']);
  if (fulls >= steps.length) return steps.map((step) => [step, 'FULL']);
  const foreseen = steps.map((step) => edgeOf(step)?.predicted?.verdict ?? 'FULL');
  const isAsForeseen = foreseen.filter((verdict) => verdict === 'FULL').length === fulls;
  return isAsForeseen ? steps.map((step, index) => [step, foreseen[index] ?? 'FULL']) : [];
}
