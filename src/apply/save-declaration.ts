import { writeDurably } from './write-durably.ts';
import type { RunEnvironment } from './run-environment.ts';
import { rootOf } from '../plan/tree.ts';
import { toApplied } from './state.ts';

/** The edited topology file first: state that is behind it is caught up by the next `up`, the reverse would be drift. */
export async function saveDeclaration({ deployment, journal, plan }: RunEnvironment): Promise<string | null> {
  const { declaration, epoch } = journal.head;
  if (declaration !== null) await writeDurably(declaration.file, declaration.after);
  deployment.remember({
    epoch,
    applied: toApplied(deployment.topology),
    master: rootOf(new Map(Object.entries(plan.tree))),
    nodes: Object.fromEntries(
      Object.entries(deployment.state.nodes).filter(
        ([id, { process }]) => id in plan.tree || process !== null,
      ),
    ),
  });
  await deployment.save();
  return declaration?.file ?? null;
}
