import { compare } from '../compare/compare.ts';
import type { Finding } from '../compare/finding.ts';
import { observe } from '../observe/observe.ts';
import type { Observation } from '../observe/observation.ts';
import { declareDirectives } from '../render/declare-directives.ts';
import type { Topology } from '../topology/model.ts';
import { MASKED_SECRETS } from '../topology/secrets.ts';
import { openDeployment } from './deployment.ts';
import { readOpenJournal } from './journal.ts';

export interface InspectOptions {
  /** For each node to connect, and for each of its replies. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The pass before, when watching: some findings only show as movement. */
  readonly earlier?: Observation | null;
}

export interface Inspection {
  readonly topology: Topology;
  readonly observation: Observation;
  readonly findings: readonly Finding[];
}

/** One look at everything: what is live, and how it differs from what is declared and was applied. Changes nothing. */
export async function inspect(topology: Topology, options: InspectOptions): Promise<Inspection> {
  const deployment = await openDeployment(topology);
  const observation = await observe(deployment.access, options);
  const open = await readOpenJournal(topology.stateDir);
  const declared = new Map(
    topology.nodes.map((node) => [node.id, declareDirectives(topology, node, { secrets: MASKED_SECRETS })]),
  );
  const findings = compare({
    topology,
    applied: deployment.state.applied?.nodes ?? null,
    observation,
    earlier: options.earlier ?? null,
    declared,
    operation: open === null ? null : { verb: open.head.verb, id: open.head.id },
  });
  return { topology, observation, findings };
}
