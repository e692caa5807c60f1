import { formatProblem } from './format-problem.ts';
import { readTopology } from './load-topology.ts';
import type { Topology, TopologyProblem } from './model.ts';
import { checkSecrets } from './secrets.ts';

/** What `replctl validate` found; a result, not an error. */
export interface Validation {
  /** The file as messages name it. */
  readonly label: string;
  /** Null when the file itself has problems; a missing secret leaves it there. */
  readonly topology: Topology | null;
  readonly problems: readonly TopologyProblem[];
  readonly warnings: readonly TopologyProblem[];
  /** Problems and then warnings as text, each with its code frame. */
  readonly lines: readonly string[];
}

/** Checks a file and the secrets it names. Throws TOPOLOGY_INVALID only when the file cannot be read. */
export async function validateTopology(
  file: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Validation> {
  const { topology, problems, warnings, label, text } = await readTopology(file);
  const secrets = topology === null ? { problems: [], warnings: [] } : await checkSecrets(topology, env);
  const all = { problems: [...problems, ...secrets.problems], warnings: [...warnings, ...secrets.warnings] };
  return {
    label,
    topology,
    ...all,
    lines: [...all.problems, ...all.warnings].map((problem) => formatProblem(problem, label, text)),
  };
}
