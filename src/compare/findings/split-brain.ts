import type { LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, isEmptyMaster } from '../scene.ts';

/** More than one writable node: for each surplus one, how its history stands to the first one's. */
export function findSplitBrain(scene: Scene): Finding[] {
  const [first, ...others] = scene.masters;
  if (first === undefined || isEmptyMaster(scene, first)) return [];
  return others.map((other): Finding => {
    const relation = relate(first, other);
    return {
      code: 'SplitBrain',
      severity: 'error',
      node: other.id,
      message: `${first.id} and ${other.id} are both masters: ${relation.text}`,
      evidence: {
        relation: relation.kind,
        divergedBytes: relation.bytes,
        masters: scene.masters.map(({ id }) => id).join(', '),
        replid: first.info.replication.replid,
        otherReplid: other.info.replication.replid,
        otherReplid2: other.info.replication.replid2,
        otherSecondOffset: other.info.replication.secondOffset,
      },
      mend: relation.kind === 'diverged' ? `replctl salvage ${other.id}` : 'replctl up --restore-roles',
    };
  });
}

interface Relation {
  readonly kind: 'subset' | 'diverged' | 'unrelated';
  /** Bytes of the other's own stream that the first has not got; null when the histories share nothing. */
  readonly bytes: number | null;
  readonly text: string;
}

/** By the rule of PSYNC2: a promoted node keeps the id it left as replid2, and the first offset of its own. */
function relate(first: LiveNode, other: LiveNode): Relation {
  const [a, b] = [first.info.replication, other.info.replication];
  const fork =
    b.replid2 === a.replid
      ? b.secondOffset
      : a.replid2 === b.replid || isSharedPast(a, b)
        ? a.secondOffset
        : null;
  if (fork === null || fork < 0) {
    return { kind: 'unrelated', bytes: null, text: `their histories share nothing` };
  }
  const bytes = Math.max(0, b.offset - (fork - 1));
  return bytes === 0
    ? { kind: 'subset', bytes, text: `${other.id} has nothing that ${first.id} has not` }
    : {
        kind: 'diverged',
        bytes,
        text: `${other.id} went its own way at offset ${fork - 1} and has ${bytes} bytes of its own`,
      };
}

/** Both left the same history: what they share ends where the earlier one left. */
function isSharedPast(a: { readonly replid2: string }, b: { readonly replid2: string }): boolean {
  return a.replid2 === b.replid2 && !/^0*$/.test(a.replid2);
}
