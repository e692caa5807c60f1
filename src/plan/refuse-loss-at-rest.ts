import type { NodeId } from '../topology/model.ts';
import type { RootChoice } from './choose-root.ts';
import { dataOf, positionOf } from './furthest-at-rest.ts';
import { relate } from './lineage.ts';
import type { DataAtRest, LiveView } from './live-view.ts';
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
  return question.started.flatMap((id): Refusal[] => {
    const doubt = doubtAbout(question, id);
    if (doubt === null || doubt.kind === 'warn') return [];
    return [
      doubt.kind === 'loss' ? diverged(question, id, doubt) : historyUnknown(question, id, doubt.message),
    ];
  });
}

/** What is thrown away without being asked for, since it does not look like more than the master to be has. */
export function warnOfLossAtRest(question: LossQuestion): string[] {
  return question.started.flatMap((id) => {
    const doubt = doubtAbout(question, id);
    return doubt?.kind === 'warn' || doubt?.kind === 'ask' ? [doubt.message] : [];
  });
}

type Doubt =
  /** It has bytes that the master to be surely lacks, those after `shared`. */
  | { readonly kind: 'loss'; readonly offset: number; readonly shared: number }
  /** It may have more than the master to be. */
  | { readonly kind: 'ask'; readonly message: string }
  /** Nothing says that it has more. */
  | { readonly kind: 'warn'; readonly message: string };

function doubtAbout(question: LossQuestion, id: NodeId): Doubt | null {
  const { view, choice } = question;
  const data = dataOf(view, id);
  if (id === choice.root || data.kind === 'none') return null;
  const master = positionOf(view, choice.root);
  if (data.kind === 'unknown' || master === null) return doubtUnplaced(question, id, data);
  const relation = relate(data, master, view.lineage);
  if (relation.kind === 'ahead' || relation.kind === 'diverged') {
    return { kind: 'loss', offset: data.offset, shared: relation.shared };
  }
  if (relation.kind !== 'unknown' || choice.kind === 'live') return null;
  if (data.offset <= master.offset || question.isForced) {
    return {
      kind: 'warn',
      message: `${id} has data of another history on disk (offset ${data.offset}), which a copy of ${choice.root} replaces`,
    };
  }
  return {
    kind: 'ask',
    message: `${id} is at offset ${data.offset} on disk, ${choice.root} at ${master.offset}, and nothing on record says that the one history came out of the other: as a replica ${id} would lose what only it has`,
  };
}

/**
 * Where one of the two does not say how far it reaches, as append-only files, nothing can be compared. No doubt is
 * left when the master to be is the last one and its files are complete: it was stopped and saved, or wrote each
 * write down before it was acknowledged.
 */
function doubtUnplaced({ view, choice, isForced }: LossQuestion, id: NodeId, data: DataAtRest): Doubt | null {
  const root = view.nodes.get(choice.root);
  if (choice.kind !== 'start' || root?.kind !== 'down') return null;
  const isAppendOnly = root.data.kind === 'unknown' && root.data.isAppendOnly;
  if (choice.reason === null && (isAppendOnly || root.hasSavedAll)) return null;
  const what = data.kind === 'unknown' && data.isAppendOnly ? 'an append-only file' : 'a data set';
  const message = `${id} has ${what} that cannot be compared with what ${choice.root} has on disk, and ${choice.root} was not stopped in order: as a replica ${id} loses what only it has`;
  return { kind: isForced || isAppendOnly ? 'warn' : 'ask', message };
}

function diverged(
  { choice }: LossQuestion,
  id: NodeId,
  { offset, shared }: Extract<Doubt, { kind: 'loss' }>,
): Refusal {
  return {
    code: 'Diverged',
    node: id,
    message: `${id} has ${offset - shared} bytes on disk that ${choice.root} never got: as a replica it would lose them`,
    measured: offset,
    allowed: shared,
    hint: `replctl salvage ${id} reads them back first; replctl up --discard-diverged throws them away`,
  };
}

function historyUnknown({ view, choice }: LossQuestion, id: NodeId, message: string): Refusal {
  return {
    code: 'HistoryUnknown',
    node: id,
    message,
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
