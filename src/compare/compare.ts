import { FINDING_CODES, type Finding, type Severity } from './finding.ts';
import { findAtRest } from './findings/at-rest.ts';
import { findConfigDrift } from './findings/config-drift.ts';
import { findControllers } from './findings/controllers.ts';
import { findEmptyMaster } from './findings/empty-master.ts';
import { findHistory } from './findings/history.ts';
import { findLag } from './findings/lag.ts';
import { findLinks } from './findings/links.ts';
import { findListing } from './findings/listing.ts';
import { findNotApplied } from './findings/not-applied.ts';
import { findProcesses } from './findings/processes.ts';
import { findResources } from './findings/resources.ts';
import { findResyncRisk } from './findings/resync-risk.ts';
import { findRoles } from './findings/roles.ts';
import { findSecrets } from './findings/secrets.ts';
import { findSplitBrain } from './findings/split-brain.ts';
import { findStaleSubtrees } from './findings/stale-subtree.ts';
import { findUnfinished } from './findings/unfinished.ts';
import { findUnreachable } from './findings/unreachable.ts';
import { findVersions } from './findings/versions.ts';
import { type CompareInput, type Scene, setScene } from './scene.ts';

/** Looks for one kind of trouble; leaves alone what another rule's cause explains. */
type Rule = (scene: Scene) => readonly Finding[];

/** A new finding is a new file and a line here, a code in finding.ts and a section in docs/findings.md. */
const RULES: readonly Rule[] = [
  findEmptyMaster,
  findSplitBrain,
  findRoles,
  findUnfinished,
  findUnreachable,
  findProcesses,
  findLinks,
  findHistory,
  findStaleSubtrees,
  findResources,
  findControllers,
  findListing,
  findSecrets,
  findVersions,
  findAtRest,
  findNotApplied,
  findConfigDrift,
  findLag,
  findResyncRisk,
];

const SEVERITY_RANK: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

/**
 * Every difference between the declaration, what was last applied, and what is live; the gravest first, and of equally
 * grave ones the one nearest to the cause. Empty when all is well.
 */
export function compare(input: CompareInput): Finding[] {
  const scene = setScene(input);
  const order = new Map(input.topology.nodes.map(({ id }, index) => [id, index]));
  const rankOf = ({ node }: Finding): number => (node === null ? -1 : (order.get(node) ?? order.size));
  return RULES.flatMap((rule) => [...rule(scene)]).sort(
    (a, b) =>
      SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] ||
      FINDING_CODES.indexOf(a.code) - FINDING_CODES.indexOf(b.code) ||
      rankOf(a) - rankOf(b),
  );
}
