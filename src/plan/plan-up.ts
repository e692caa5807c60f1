import type { NodeId } from '../topology/model.ts';
import { chooseRoot, isAttached, type RootChoice } from './choose-root.ts';
import { endangeredBy, findEmptyMaster, withStopped } from './empty-master.ts';
import { forecastResync } from './forecast.ts';
import {
  describeHolder,
  liveNodeOf,
  liveTreeOf,
  type DownNodeView,
  type LiveNodeView,
  type LiveView,
} from './live-view.ts';
import { PLAN_VERSION, type Plan, type Verb } from './plan.ts';
import { planSettle } from './plan-settle.ts';
import { planTree } from './plan-tree.ts';
import { planReconfigure, type ConfigDifference } from './plan-reconfigure.ts';
import {
  DEFAULT_SWITCHOVER,
  planSwitchover,
  settledNodes,
  type SwitchoverOptions,
} from './plan-switchover.ts';
import type { Refusal } from './refusal.ts';
import { refuseLossAtRest, warnOfLossAtRest, type LossQuestion } from './refuse-loss-at-rest.ts';
import type { Step } from './step.ts';
import { leavesOf, rootOf, withParents, type Tree } from './tree.ts';

/** Everything a change is planned from. Two equal questions give two equal plans. */
export interface ChangeQuestion {
  readonly verb: Verb;
  readonly deployment: string;
  readonly declared: Tree;
  /** Last applied tree; null the first time. */
  readonly applied: Tree | null;
  /** Nodes of `declared` and of `applied`. */
  readonly view: LiveView;
  readonly configDifferences: readonly ConfigDifference[];
  /** Nodes whose conf file lacks something declared; live is right, a restart would not be. */
  readonly staleConfs: readonly NodeId[];
  readonly options: ChangeOptions;
}

export interface ChangeOptions {
  /** Start nodes that do not run, or only these of them; the others only get their conf file. */
  readonly startsNodes: boolean | readonly NodeId[];
  /** Consent to stop nodes that are no longer declared. */
  readonly allowsRemoval: boolean;
  /** Consent to switch back a promotion that was made elsewhere. */
  readonly restoresRoles: boolean;
  /** Consent to throw away the writes of a second master. */
  readonly discardsDiverged: boolean;
  /** The last master is dead, and not to be started again. */
  readonly isForced: boolean;
  /** Consent to promote although the dead master's host cannot be asked to keep it down. */
  readonly acceptsSplitBrain: boolean;
  readonly switchover: SwitchoverOptions;
}

export const DEFAULT_CHANGE_OPTIONS: ChangeOptions = {
  startsNodes: true,
  allowsRemoval: false,
  restoresRoles: false,
  discardsDiverged: false,
  isForced: false,
  acceptsSplitBrain: false,
  switchover: DEFAULT_SWITCHOVER,
};

export type Decision =
  | { readonly kind: 'plan'; readonly plan: Plan }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] };

/**
 * declared × last applied × live → the steps that make them one. The one planner behind `up`, `promote`, `chain`,
 * `move`, `add` and `remove`: these only differ in how they edit the declaration.
 */
export function planUp(question: ChangeQuestion): Decision {
  const empty = question.options.isForced ? findEmptyMaster(question.view) : null;
  return empty === null ? decide(question) : decideWithout(question, empty);
}

/** A master that lost its data counts as dead once it is stopped: the replicas still hold what it had. */
function decideWithout(question: ChangeQuestion, empty: NodeId): Decision {
  const { view, options } = question;
  if (liveNodeOf(view, empty)?.isOurs !== true) return decide(question);
  const startsNodes = mayStart(options, empty) ? options.startsNodes : [empty];
  const decision = decide({
    ...question,
    view: withStopped(view, empty),
    options: { ...options, startsNodes },
  });
  if (decision.kind === 'refused') return decision;
  const stop: Step = { kind: 'stop-node', node: empty, save: false };
  return { kind: 'plan', plan: { ...decision.plan, stages: [[stop], ...decision.plan.stages] } };
}

function decide(question: ChangeQuestion): Decision {
  const choice = chooseRoot({ ...question, isForced: question.options.isForced });
  const refusals = [...refuseNodes(question), ...refuseRoot(question, choice)];
  if (choice.kind === 'refused' || refusals.length > 0) return { kind: 'refused', refusals };
  const changes = planStages(question, choice);
  const hasWork = changes.length > 0 || question.staleConfs.length > 0;
  const stages = hasWork ? [...changes, ...planEnd(question, changes)] : [];
  return {
    kind: 'plan',
    plan: {
      version: PLAN_VERSION,
      verb: question.verb,
      deployment: question.deployment,
      tree: Object.fromEntries(question.declared),
      stages,
      warnings: [
        ...(choice.kind === 'live' || choice.reason === null ? [] : [choice.reason]),
        ...warnOfLossAtRest(lossQuestion(question, choice)),
      ],
    },
  };
}

type UsableChoice = Exclude<RootChoice, { kind: 'refused' }>;

function lossQuestion(question: ChangeQuestion, choice: UsableChoice): LossQuestion {
  const { view, options } = question;
  return { view, choice, started: startableNodes(question), isForced: options.isForced };
}

function mayStart({ startsNodes }: ChangeOptions, id: NodeId): boolean {
  return typeof startsNodes === 'boolean' ? startsNodes : startsNodes.includes(id);
}

function planStages(question: ChangeQuestion, choice: UsableChoice): Step[][] {
  const { view, declared, options } = question;
  const target = rootOf(declared);
  const { root } = choice;
  const startable = new Set(startableNodes(question));
  const stages = establishRoot(question, choice);
  let current: Tree = withParents(liveTreeOf(view), [[root, null]]);
  let settled: NodeId[] = [];
  if (root !== target) {
    const before = prepareTarget(current, declared, root);
    const attach = planTree({ current, target: before, view, startable: new Set([target]) });
    stages.push(...attach);
    const attached = attach.flat().flatMap((step) => (step.kind === 'rehang' ? [step.node] : []));
    settled = [...settledNodes(view, current).filter((id) => isAttached(before, id, root)), ...attached];
    stages.push(...planSwitchover(view, root, target, options.switchover, settled));
    current = withParents(withParents(current, before), [
      [target, null],
      [root, target],
    ]);
  }
  const rest = [
    ...planTree({ current, target: declared, view, startable }),
    ...planReconfigure(question.configDifferences, declared, view),
  ];
  if (settled.length > 0 && rest.flat().some((step) => needsNewHistory(step, target)))
    stages.push([{ kind: 'wait-ready', root: target, nodes: settled }]);
  stages.push(...rest, ...planRemoval(question, root));
  return stages;
}

/**
 * A replica knows its former history only as far as it had got when it was told of the new one, and a restarted one not
 * at all: whoever still is on the former history by then would be copied.
 */
function needsNewHistory(step: Step, root: NodeId): boolean {
  return step.kind === 'restart-node' || (step.kind === 'rehang' && step.to !== root);
}

/** Before a switchover only what hangs loose is attached: the target, and nodes whose parents are gone. */
function prepareTarget(current: Tree, declared: Tree, root: NodeId): Tree {
  const target = rootOf(declared);
  const loose = [...declared.keys()].filter(
    (id) =>
      id !== root &&
      (id === target || current.has(id)) &&
      !(current.has(id) && isAttached(current, id, root)),
  );
  // A loose child of a loose node comes along with it.
  const tops = loose.filter((id) => id === target || !loose.includes(current.get(id) ?? ''));
  const attached = [...current].filter(([id]) => isAttached(current, id, root) || loose.includes(id));
  return withParents(
    new Map(attached),
    tops.map((id) => [id, root]),
  );
}

function establishRoot({ view, options }: ChangeQuestion, choice: UsableChoice): Step[][] {
  const { root } = choice;
  switch (choice.kind) {
    case 'live':
      return [];
    case 'start':
      if (!mayStart(options, root)) return [];
      return [
        [{ kind: 'render-conf', node: root, parent: null }],
        [{ kind: 'start-node', node: root, parent: null, resync: null }],
      ];
    case 'promote': {
      const { dead } = choice;
      const from = dead ?? liveNodeOf(view, root)?.parent ?? root;
      const promote: Step = { kind: 'promote-forced', node: root, from };
      if (dead === null) return [[promote]];
      const witnesses = [...view.nodes].flatMap(([id, node]) =>
        node.kind === 'live' && node.parent === dead ? [id] : [],
      );
      return [
        [{ kind: 'prove-dead', node: dead, witnesses }],
        [{ kind: 'fence-dead', node: dead, to: root, how: options.acceptsSplitBrain ? 'accepted' : 'conf' }],
        [promote],
      ];
    }
  }
}

function startableNodes({ declared, view, options }: ChangeQuestion): NodeId[] {
  return [...declared.keys()].filter((id) => view.nodes.get(id)?.kind === 'down' && mayStart(options, id));
}

/** Nodes that are no longer declared are stopped last, when nobody hangs under them any more. Their data stays. */
function planRemoval({ declared, view }: ChangeQuestion, root: NodeId): Step[][] {
  const gone = [...view.nodes.keys()].filter(
    (id) => !declared.has(id) && (id === root || liveNodeOf(view, id) !== null),
  );
  return gone.length === 0 ? [] : [gone.map((node) => ({ kind: 'stop-node', node, save: true }))];
}

function planEnd(
  { declared, applied, staleConfs, view, options }: ChangeQuestion,
  changes: readonly Step[][],
): Step[][] {
  const steps = changes.flat();
  const running = [...declared.keys()].filter((id) => mayStart(options, id) || liveNodeOf(view, id) !== null);
  // A node that stays down is told its new place by its conf file.
  const moved = [...declared.keys()].filter(
    (id) => !running.includes(id) && applied?.get(id) !== declared.get(id),
  );
  const isSwitchover = steps.some(({ kind }) => kind === 'promote' || kind === 'promote-forced');
  const leaves = leavesOf(declared).filter((id) => running.includes(id) && id !== rootOf(declared));
  return [
    ...planSettle(declared, running, changes, [...staleConfs, ...moved]),
    isSwitchover && leaves.length > 0
      ? [{ kind: 'canary', master: rootOf(declared), leaves } satisfies Step]
      : [],
    [{ kind: 'save-declaration' } satisfies Step],
  ].filter((stage) => stage.length > 0);
}

function refuseNodes({ view, declared, options }: ChangeQuestion): Refusal[] {
  return [...view.nodes].flatMap(([id, node]): Refusal[] => {
    if (!declared.has(id)) {
      if (node.kind === 'down') return [];
      if (!options.allowsRemoval) {
        return [
          {
            code: 'NeedsConsent',
            node: id,
            message: `${id} runs and is no longer in the file: it would be stopped (its data stays)`,
            hint: 'say --yes',
          },
        ];
      }
      return node.isOurs ? [] : [notOurs(id, node)];
    }
    if (node.kind === 'live') return node.isOurs ? [] : [stranger(id, node, options)];
    if (!mayStart(options, id)) return [];
    if (node.port === 'squatted') {
      return [
        {
          code: 'PortHeld',
          node: id,
          message: `${id}: its port is held by something else: ${node.said}`,
          hint: 'stop that process, or give the node another port in the file',
          holder: node.holder,
        },
      ];
    }
    if (node.port === 'silent') {
      return [notAnswering(id, node)];
    }
    return [];
  });
}

function notAnswering(id: NodeId, { isBusy, isOurs, said }: DownNodeView): Refusal {
  return {
    code: isBusy ? 'ScriptRunning' : 'Unreachable',
    node: id,
    message: `${id} does not answer: ${said}`,
    hint: isBusy ? `replctl exec ${id} -- SCRIPT KILL` : isOurs ? `replctl restart ${id}` : 'replctl status',
  };
}

/** What should be started cannot be, for its port is held; what should only be changed is not touched. */
function stranger(id: NodeId, { holder }: LiveNodeView, options: ChangeOptions): Refusal {
  return {
    code: mayStart(options, id) ? 'PortHeld' : 'NotOurs',
    node: id,
    message: `${id}: a server that replctl did not start answers on its port: ${describeHolder(holder)}`,
    hint: 'replctl adopt, if it is meant; else stop it or give the node another port',
    holder,
  };
}

function notOurs(id: NodeId, { holder }: LiveNodeView): Refusal {
  return {
    code: 'NotOurs',
    node: id,
    message: `${id}: the process on its port was not started by replctl and is not touched: ${describeHolder(holder)}`,
    hint: 'stop it yourself',
    holder,
  };
}

function refuseRoot(question: ChangeQuestion, choice: RootChoice): Refusal[] {
  if (choice.kind === 'refused') return [choice.refusal];
  const { declared, applied, view, options } = question;
  const { root } = choice;
  const target = rootOf(declared);
  const refusals: Refusal[] = [];
  if (choice.kind === 'live' && options.isForced) {
    refusals.push({
      code: 'MasterNotDead',
      node: root,
      message: `${root} is master and answers: nothing has to be forced`,
      hint: `replctl promote ${target} switches over without loss`,
    });
  }
  const wasRoot = applied === null ? null : rootOf(applied);
  if (choice.kind === 'live' && root !== target && root !== wasRoot && !options.restoresRoles) {
    refusals.push({
      code: 'RolesChangedElsewhere',
      node: root,
      message: `${root} is master, but the file and the last applied state say ${wasRoot ?? target}: it was promoted elsewhere`,
      measured: root,
      allowed: wasRoot ?? target,
      hint: 'replctl adopt writes it into the file; replctl up --restore-roles switches back without loss',
    });
  }
  const down = choice.kind === 'start' ? root : target;
  const isDown = choice.kind === 'start' || (root !== target && liveNodeOf(view, target) === null);
  if (isDown && !mayStart(options, down)) {
    const node = view.nodes.get(down);
    refusals.push(
      node?.kind === 'down' && node.port === 'silent'
        ? notAnswering(down, node)
        : { code: 'Unreachable', node: down, message: `${down} is not running`, hint: 'replctl up' },
    );
  }
  return [
    ...refusals,
    ...(choice.kind === 'live' ? refuseEmptyRoot(question, root) : []),
    ...refuseSecondMasters(question, root),
    ...(options.discardsDiverged ? [] : refuseLossAtRest(lossQuestion(question, choice))),
  ];
}

/** A live master that lost its data must not get its replicas back: their next sync would make them as empty. */
function refuseEmptyRoot({ view, declared, options }: ChangeQuestion, root: NodeId): Refusal[] {
  if (options.discardsDiverged || options.isForced) return [];
  const holders = endangeredBy(view, root).filter((id) => declared.has(id));
  const [best] = holders;
  if (best === undefined) return [];
  return [
    {
      code: 'EmptyMaster',
      node: root,
      message: `${root} is master and has no keys, ${holders.join(', ')} still hold another history: a link would wipe them`,
      measured: 0,
      allowed: liveNodeOf(view, best)?.keys ?? 0,
      hint: `replctl promote ${best} --force, or replctl up --discard-diverged`,
    },
  ];
}

/** A second master may be hung under the first only when that throws nothing away. */
function refuseSecondMasters({ view, declared, options }: ChangeQuestion, root: NodeId): Refusal[] {
  const master = liveNodeOf(view, root);
  return [...view.nodes].flatMap(([id, node]): Refusal[] => {
    if (node.kind !== 'live' || node.role !== 'master' || id === root || !declared.has(id)) return [];
    if (node.keys === 0 || options.discardsDiverged || master === null) return [];
    if (master.keys === 0 && master.history.offset <= node.history.offset) {
      return [
        {
          code: 'EmptyMaster',
          node: root,
          message: `${root} is master and has no keys, ${id} has ${node.keys}: hanging ${id} under it would wipe them`,
          measured: master.keys,
          allowed: node.keys,
          hint: `replctl promote ${id} --force, or replctl up --discard-diverged`,
        },
      ];
    }
    if (!node.hasOwnWrites || forecastResync(node.history, master.history).verdict === 'PARTIAL') return [];
    return [
      {
        code: 'Diverged',
        node: id,
        message: `${id} is a second master with writes of its own beside ${root}`,
        measured: node.history.offset,
        allowed: node.history.secondOffset,
        hint: `replctl salvage ${id} reads them back first; replctl up --discard-diverged throws them away`,
      },
    ];
  });
}
