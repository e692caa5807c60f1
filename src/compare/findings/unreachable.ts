import type { DeadNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, addressOf, isUnborn, specOf } from '../scene.ts';

/** Nodes that do not answer, told apart by why. */
export function findUnreachable(scene: Scene): Finding[] {
  if (isUnborn(scene)) return [];
  return [...scene.observation.nodes.values()].flatMap((node) =>
    node.kind === 'dead' ? [explain(scene, node)] : [],
  );
}

function explain(scene: Scene, node: DeadNode): Finding {
  const spec = specOf(scene, node.id);
  const at = spec === null ? node.id : addressOf(spec);
  const { process } = node;
  const evidence = { reason: node.reason, said: node.said, pid: process.pid, processIsOurs: process.isOurs };
  const about = { node: node.id, evidence } as const;
  if (isHeldByAnother(node)) {
    const { portHolder } = process;
    return {
      ...about,
      code: 'PortSquatter',
      severity: 'error',
      message: `${at} is held by something that is not ${node.id}: ${portHolder?.command ?? 'an unknown process'}`,
      evidence: {
        ...evidence,
        holderPid: portHolder?.pid ?? null,
        holderCommand: portHolder?.command ?? null,
      },
      mend: null,
    };
  }
  switch (node.reason) {
    case 'auth':
      return {
        ...about,
        code: 'AccessDenied',
        severity: 'error',
        message: `${node.id} does not accept replctl's credentials (${node.said})`,
        mend: process.isOurs ? `replctl restart ${node.id}` : null,
      };
    case 'loading':
      return {
        ...about,
        code: 'Loading',
        severity: 'warning',
        message: `${node.id} is loading its data and answers nothing else`,
        mend: null,
      };
    case 'busy':
      return {
        ...about,
        code: 'Unresponsive',
        severity: 'error',
        message: `${node.id} runs a script and answers nothing else: ${node.said}`,
        mend: `replctl exec ${node.id} -- SCRIPT KILL, or replctl restart ${node.id}`,
      };
    case 'timeout':
    case 'error':
      if (process.isOurs || node.reason === 'error') {
        return {
          ...about,
          code: 'Unresponsive',
          severity: 'error',
          message: `${node.id} runs (pid ${process.pid ?? 'unknown'}) but does not answer: ${node.said}`,
          mend: `replctl restart ${node.id}`,
        };
      }
      return down(node, at, about);
    default:
      return down(node, at, about);
  }
}

function down(
  node: DeadNode,
  at: string,
  about: { readonly node: string; readonly evidence: Finding['evidence'] },
): Finding {
  return {
    ...about,
    code: 'NodeDown',
    severity: 'error',
    message: `${node.id} is down: ${at} ${node.reason === 'refused' ? 'refuses connections' : `does not answer (${node.said})`}`,
    mend: `replctl start ${node.id}`,
  };
}

function isHeldByAnother({ process, reason }: DeadNode): boolean {
  if (process.isOurs) return false;
  const holder = process.portHolder;
  const isNamedByPidfile = holder !== null && holder.pid !== null && holder.pid === process.pidfile?.pid;
  return reason === 'foreign' || (holder !== null && !isNamedByPidfile && reason !== 'refused');
}
