import { compare } from '../compare/compare.ts';
import type { Finding } from '../compare/finding.ts';
import type { Observation } from '../observe/observation.ts';
import type { ConfigDifference } from '../plan/plan-reconfigure.ts';
import { declareDirectives, type Directives } from '../render/declare-directives.ts';
import type { NodeId, NodeSpec } from '../topology/model.ts';
import { MASKED_SECRETS } from '../topology/secrets.ts';
import type { Deployment } from './deployment.ts';

export interface Differences {
  readonly configDifferences: readonly ConfigDifference[];
  /** Nodes whose conf file would make a restart diverge from what is declared. */
  readonly staleConfs: readonly NodeId[];
}

/** What `compare` finds in the configuration, as a planner wants it: one judge, for `status` and for `up`. */
export function findDifferences(deployment: Deployment, observation: Observation): Differences {
  const { topology, state } = deployment;
  const declared = new Map(
    topology.nodes.map((node) => [node.id, declareDirectives(topology, node, { secrets: MASKED_SECRETS })]),
  );
  const findings = compare({ topology, applied: state.applied?.nodes ?? null, observation, declared });
  const stale = findings.filter(({ code }) => code === 'ConfFileEdited' || code === 'RestartWillDiverge');
  return {
    configDifferences: findings.flatMap((finding) => {
      const node = topology.nodes.find(({ id }) => id === finding.node);
      return node === undefined ? [] : differencesOf(finding, node, declared.get(node.id) ?? new Map());
    }),
    staleConfs: [...new Set(stale.flatMap(({ node }) => node ?? []))],
  };
}

/** From 7.0 on CONFIG SET does not take these unless `enable-protected-configs` says so (config.c, PROTECTED_CONFIG). */
const PROTECTED: ReadonlySet<string> = new Set(['dir', 'dbfilename']);

function differencesOf(
  { code, evidence }: Finding,
  node: NodeSpec,
  declared: Directives,
): ConfigDifference[] {
  const plain = (directive: string, needs: ConfigDifference['needs']): ConfigDifference => ({
    node: node.id,
    directive,
    value: { args: (declared.get(directive) ?? []).flat() },
    needs,
  });
  switch (code) {
    case 'ConfigDrift': {
      const name = String(evidence['directive']);
      return [plain(name, PROTECTED.has(name) ? 'restart' : 'live')];
    }
    case 'RestartNeeded':
      return [plain(String(evidence['directive']), 'restart')];
    case 'ErrantWritesPossible':
      return declared.has('replica-read-only') ? [plain('replica-read-only', 'live')] : [];
    case 'PasswordDrift': {
      const { password } = node.auth;
      if (password === null) return [];
      const wrong = ['masterauth', 'requirepass'].filter((name) => isWrong(evidence[name]));
      return wrong.map((directive) => ({
        node: node.id,
        directive,
        value: { secret: password },
        needs: 'live',
      }));
    }
    default:
      return [];
  }
}

function isWrong(state: unknown): boolean {
  return state === 'unset' || state === 'other';
}
