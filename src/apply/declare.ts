import { readFile } from 'node:fs/promises';
import { ReplctlError } from '../errors.ts';
import type { Topology } from '../topology/model.ts';
import { parseTopology } from '../topology/parse-topology.ts';
import type { JournalHead } from './journal.ts';
import type { State } from './state.ts';

/** How a verb edits the declaration: the file's text where there is a file, else the model. */
export interface Edit {
  readonly text: (text: string, file: string) => string;
  readonly model: (topology: Topology) => Topology;
}

export interface Declaration {
  readonly topology: Topology;
  readonly edit: JournalHead['declaration'];
}

/** The declaration after the edit. Without a file, what was applied last stands for it. */
export async function declare(topology: Topology, state: State, edit: Edit | null): Promise<Declaration> {
  if (topology.file === null) {
    const before = state.applied === null ? topology : { ...topology, nodes: state.applied.nodes };
    return { topology: edit === null ? before : edit.model(before), edit: null };
  }
  if (edit === null) return { topology, edit: null };
  const { file } = topology;
  const before = await readFile(file, 'utf8');
  const after = edit.text(before, file);
  if (after === before) return { topology, edit: null };
  const parsed = parseTopology(after, { file });
  if (parsed.topology === null) {
    throw new ReplctlError(
      'TOPOLOGY_INVALID',
      `${file}: ${parsed.problems[0]?.message ?? 'invalid after the edit'}`,
    );
  }
  return { topology: parsed.topology, edit: { file, before, after } };
}
