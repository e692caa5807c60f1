import { ReplctlError } from '../errors.ts';
import { parseInfo } from '../observe/parse-info.ts';
import type { ResyncForecast, Step } from '../plan/step.ts';
import type { NodeId } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';

/** What making a link cost in fact. */
export interface ResyncFact {
  readonly verdict: 'PARTIAL' | 'FULL';
  /** Bytes of stream that came over it; null when they were not counted. */
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

const REPLY_TIMEOUT_MS = 1_000;

/**
 * Tells what the links cost that come up by themselves after a start: by the parent's counters, once all are ready.
 * Steps that wait for their link measure it themselves, and say so by `record`.
 */
export class EdgeWatch {
  private readonly facts = new Map<Step, ResyncFact>();
  private readonly pending = new Map<Step, { readonly parent: NodeId; readonly fullBefore: number }>();
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
      const parent = step.kind === 'start-node' || step.kind === 'restart-node' ? step.parent : null;
      return parent === null ? [] : [{ step, parent }];
    });
    const counts = await this.countFulls(starts.map(({ parent }) => parent));
    for (const { step, parent } of starts) {
      const fullBefore = counts.get(parent);
      if (fullBefore !== undefined) this.pending.set(step, { parent, fullBefore });
    }
  }

  /** When all that was started is ready. */
  async settle(): Promise<void> {
    const counts = await this.countFulls([...this.pending.values()].map(({ parent }) => parent));
    for (const [parent, after] of counts) {
      const waiting = [...this.pending].filter(([, edge]) => edge.parent === parent);
      const before = Math.min(...waiting.map(([, { fullBefore }]) => fullBefore));
      const verdicts = tell(
        waiting.map(([step]) => step),
        after - before,
      );
      for (const [step, verdict] of verdicts) this.facts.set(step, { verdict, bytes: null });
    }
    this.pending.clear();
  }

  factOf(step: Step): ResyncFact | null {
    return this.facts.get(step) ?? null;
  }

  private async countFulls(parents: readonly NodeId[]): Promise<Map<NodeId, number>> {
    const counts = await Promise.all(
      [...new Set(parents)].map(async (id): Promise<[NodeId, number | null]> => [id, await this.fullsOf(id)]),
    );
    return new Map(counts.flatMap(([id, count]) => (count === null ? [] : [[id, count] as const])));
  }

  private async fullsOf(id: NodeId): Promise<number | null> {
    try {
      const client = await this.deployment.connect(id, REPLY_TIMEOUT_MS);
      try {
        const reply = await client.call('INFO', 'stats');
        return typeof reply === 'string' ? parseInfo(reply).stats.syncFull : null;
      } finally {
        client.close();
      }
    } catch (error) {
      // Whether it can be told is not what the operation depends on.
      if (error instanceof ReplctlError) return null;
      throw error;
    }
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
