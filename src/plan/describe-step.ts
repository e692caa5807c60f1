import type { ResyncForecast, Step } from './step.ts';

/** A step in words, for `plan`, `--dry-run` and the progress of a run. */
export interface StepDescription {
  /** One line, imperative. */
  readonly title: string;
  readonly changes: string | null;
  /** Conditions that are checked while it runs; one that fails stops the operation there. */
  readonly checks: readonly string[];
  /** How the change is taken back; null when it changes nothing or cannot be. */
  readonly undo: string | null;
  /** From here on the operation is finished, not taken back. */
  readonly isCommitPoint: boolean;
  readonly resync: ResyncForecast | null;
}

/** Words for one step. The only place that knows them, so that a dry run and a real one say the same. */
export function describeStep(step: Step): StepDescription {
  const words = wordsOf(step);
  return {
    changes: null,
    checks: [],
    undo: null,
    isCommitPoint: step.kind === 'promote' || step.kind === 'promote-forced',
    resync: 'resync' in step ? step.resync : null,
    ...words,
  };
}

type Words = Pick<StepDescription, 'title'> & Partial<StepDescription>;

function wordsOf(step: Step): Words {
  switch (step.kind) {
    case 'render-conf':
      return {
        title: `write redis.conf of ${step.node}`,
        changes: 'conf file',
        undo: 'written again from state',
      };
    case 'start-node':
      return {
        title: `start ${step.node}${step.parent === null ? ' as master' : ` under ${step.parent}`}`,
        changes: 'process',
        checks: ['its port is free', 'it answers PING', 'it is the process that was started'],
        undo: `stop ${step.node}`,
      };
    case 'stop-node':
      return {
        title:
          step.isHung === true
            ? `end ${step.node}, which does not answer: SHUTDOWN or SIGTERM, then SIGCONT, then SIGKILL`
            : `stop ${step.node}${step.save ? ', data saved' : ''}`,
        changes: 'process',
        checks: ['pid, start time and command line are those recorded'],
        undo: `start ${step.node}`,
      };
    case 'restart-node':
      return {
        title: `restart ${step.node} (${step.reason})`,
        changes: 'process',
        checks: ['data saved', 'it answers PING', 'it is ready again'],
      };
    case 'remove-node-files':
      return { title: `delete the files of ${step.node}`, changes: 'data', checks: ['the node is stopped'] };
    case 'config-set':
      return {
        title: `CONFIG SET on ${step.node}: ${step.directives.map(({ name }) => name).join(', ')}`,
        changes: 'configuration, live and in the conf file',
        checks: ['CONFIG GET shows the new values'],
        undo: 'CONFIG SET of the values before',
      };
    default:
      return replicationWords(step);
  }
}

type ReplicationStep = Exclude<
  Step,
  {
    kind: 'render-conf' | 'start-node' | 'stop-node' | 'restart-node' | 'remove-node-files' | 'config-set';
  }
>;

function replicationWords(step: ReplicationStep): Words {
  switch (step.kind) {
    case 'rehang':
      return {
        title: `hang ${step.node} under ${step.to}`,
        changes: 'REPLICAOF, live and in the conf file',
        checks:
          step.how === 'freeze'
            ? [`${step.to} has reached the offset ${step.node} stands at`, 'link up, same replid']
            : ['link up, same replid'],
        undo: step.from === null ? null : `hang ${step.node} under ${step.from}`,
      };
    case 'wait-ready':
      return {
        title: `wait until ready: ${step.nodes.join(', ')}`,
        checks: ["link up, the root's replid, past the root's offset, not loading; twice"],
      };
    case 'raise-ping-period':
      return {
        title: `raise repl-ping-replica-period on ${step.node} to ${step.seconds} s`,
        changes: 'configuration, live',
        checks: ['CONFIG GET shows it'],
        undo: 'the old value, from the journal',
      };
    case 'fence':
      return {
        title: `hold back writes on ${step.node}`,
        changes:
          step.how === 'pause'
            ? `CLIENT PAUSE ${step.leaseMs} WRITE, ends by itself`
            : 'min-replicas-to-write, until it is set back',
        checks: ['still master, same replid'],
        undo: step.how === 'pause' ? 'CLIENT UNPAUSE' : 'min-replicas-to-write back to what it was',
      };
    case 'catch-up':
      return {
        title: `wait until ${step.node} has every byte of ${step.master}`,
        checks: [`same replid, offset reached within ${step.budgetMs} ms`],
      };
    case 'demote':
      return {
        title: `make ${step.node} a replica of ${step.to}`,
        changes: 'REPLICAOF, live and in the conf file; its clients are disconnected',
        checks: [`${step.to} has reached the offset ${step.node} stopped at`],
        undo: `${step.node} REPLICAOF NO ONE`,
      };
    case 'promote':
      return {
        title: `promote ${step.node}`,
        changes: 'REPLICAOF NO ONE, live and in the conf file',
        checks: [`second_repl_offset is one past the last byte of ${step.from}: nothing is missing`],
      };
    case 'verify-link':
      return {
        title: `see ${step.node} continue under ${step.parent}`,
        checks: ['link up, same replid', 'a partial resync, no full one'],
      };
    case 'unfence':
      return {
        title: `release ${step.node}`,
        changes: 'CLIENT UNPAUSE; ping period back to what it was',
      };
    case 'prove-dead':
      return {
        title: `prove that ${step.node} is dead`,
        checks: [
          'no connection in three tries',
          `link down at ${step.witnesses.length === 0 ? 'every reachable replica' : step.witnesses.join(', ')}`,
          'no process on its host',
        ],
      };
    case 'fence-dead':
      return {
        title:
          step.how === 'conf'
            ? `make ${step.node} follow ${step.to} should it come back`
            : `leave ${step.node} unfenced, split brain accepted`,
        changes: step.how === 'conf' ? 'conf file of the dead node' : null,
        undo: step.how === 'conf' ? 'written again from state' : null,
      };
    case 'promote-forced':
      return {
        title: `promote ${step.node}, what ${step.from} had not sent is lost`,
        changes: 'REPLICAOF NO ONE, live and in the conf file',
        checks: ['role master', 'second_repl_offset is one past the last byte it had'],
      };
    case 'canary':
      return {
        title: `write on ${step.master}, read on ${step.leaves.join(', ')}`,
        changes: 'one key, deleted again',
        checks: ['the value arrives everywhere'],
      };
    case 'save-declaration':
      return {
        title: 'save topology file and state',
        changes: 'topology file and state',
        undo: 'the file before',
      };
  }
}
