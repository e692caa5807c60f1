import type { NodeId } from '../topology/model.ts';
import type { RootChoice } from './choose-root.ts';
import { dataOf, positionOf } from './furthest-at-rest.ts';
import { relate, type Position, type Relation } from './lineage.ts';
import type { LiveView } from './live-view.ts';
import type { Refusal } from './refusal.ts';

export interface LossQuestion {
  readonly view: LiveView;
  readonly choice: Exclude<RootChoice, { kind: 'refused' }>;
  /** Stopped nodes that would be started. */
  readonly started: readonly NodeId[];
  readonly isForced: boolean;
}

/**
 * Started as a replica, a node loses what only its files hold: bytes that the master to be never got. Nothing is
 * known of data whose history is not on record; where a master runs, that is the one clients use, and offsets of
 * another history say nothing against it.
 */
export function refuseLossAtRest(question: LossQuestion): Refusal[] {
  return compareWithRoot(question).flatMap(({ id, data, master, relation }): Refusal[] => {
    switch (relation.kind) {
      case 'same':
      case 'behind':
        return [];
      case 'ahead':
      case 'diverged':
        return [
          {
            code: 'Diverged',
            node: id,
            message: `${id} has ${data.offset - relation.shared} bytes on disk that ${question.choice.root} never got: as a replica it would lose them`,
            measured: data.offset,
            allowed: relation.shared,
            hint: `replctl salvage ${id} reads them back first; replctl up --discard-diverged throws them away`,
          },
        ];
      case 'unknown':
        return isInDoubt(question) && data.offset > master.offset
          ? [historyUnknown(question, id, data, master)]
          : [];
    }
  });
}

/** What is thrown away without being asked for, since it does not look like more than the master to be has. */
export function warnOfLossAtRest(question: LossQuestion): string[] {
  if (question.choice.kind === 'live') return [];
  return compareWithRoot(question).flatMap(({ id, data, relation }) =>
    relation.kind === 'unknown'
      ? [
          `${id} has data of another history on disk (offset ${data.offset}), which a copy of ${question.choice.root} replaces`,
        ]
      : [],
  );
}

interface Comparison {
  readonly id: NodeId;
  readonly data: Position;
  readonly master: Position;
  readonly relation: Relation;
}

function compareWithRoot({ view, choice, started }: LossQuestion): Comparison[] {
  const master = positionOf(view, choice.root);
  if (master === null) return [];
  return started.flatMap((id): Comparison[] => {
    const data = dataOf(view, id);
    if (id === choice.root || data.kind !== 'known') return [];
    return [{ id, data, master, relation: relate(data, master, view.lineage) }];
  });
}

function isInDoubt({ choice, isForced }: LossQuestion): boolean {
  return choice.kind !== 'live' && !isForced;
}

function historyUnknown(
  { view, choice }: LossQuestion,
  id: NodeId,
  data: Position,
  master: Position,
): Refusal {
  return {
    code: 'HistoryUnknown',
    node: id,
    message: `${id} is at offset ${data.offset} on disk, ${choice.root} at ${master.offset}, and nothing on record says that the one history came out of the other: as a replica ${id} would lose what only it has`,
    measured: data.offset,
    allowed: master.offset,
    hint: `${keepHint(view, choice, id)}replctl up --discard-diverged throws its data away`,
  };
}

/** While replicas run, only the last master can be started as one. */
function keepHint(view: LiveView, choice: LossQuestion['choice'], id: NodeId): string {
  if (choice.kind === 'promote')
    return choice.dead === id ? `replctl start ${id} keeps it as the master; ` : '';
  const isAlone = [...view.nodes.values()].every(({ kind }) => kind === 'down');
  return isAlone ? `replctl promote ${id} --force makes it the master; ` : '';
}
