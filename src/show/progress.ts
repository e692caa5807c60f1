import { Listr, ListrLogger, ProcessOutput, type ListrTask } from 'listr2';

export interface ProgressStep {
  /** Unique within one run. */
  readonly id: string;
  readonly title: string;
}

/** The course of an operation on stderr. Every call is cheap and safe before `begin` and after `end`. */
export interface Progress {
  /** Steps of one stage run side by side, stages one after the other. */
  begin(stages: readonly (readonly ProgressStep[])[]): void;
  note(id: string, text: string): void;
  done(id: string, text?: string): void;
  fail(id: string, reason: string): void;
  /** Leaves what is unfinished as it stands and waits until all is drawn. */
  end(): Promise<void>;
}

export interface ProgressOptions {
  readonly stream: NodeJS.WriteStream;
  readonly isQuiet: boolean;
}

export const SILENT: Progress = {
  begin: () => undefined,
  note: () => undefined,
  done: () => undefined,
  fail: () => undefined,
  end: async () => undefined,
};

/** A live list on a terminal, plain lines elsewhere, nothing when quiet. Writes to the given stream only. */
export function createProgress({ stream, isQuiet }: ProgressOptions): Progress {
  return isQuiet ? SILENT : stream.isTTY ? new ListProgress(stream) : new LineProgress(stream);
}

class LineProgress implements Progress {
  private readonly titles = new Map<string, string>();
  private readonly stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
  }

  begin(stages: readonly (readonly ProgressStep[])[]): void {
    for (const { id, title } of stages.flat()) this.titles.set(id, title);
  }

  note(): void {
    // A file or a pipe gets one line a step; what changes while it runs is for a terminal.
  }

  done(id: string, text?: string): void {
    this.write('done', id, text);
  }

  fail(id: string, reason: string): void {
    this.write('FAILED', id, reason);
  }

  async end(): Promise<void> {
    this.titles.clear();
  }

  private write(word: string, id: string, text: string | undefined): void {
    const title = this.titles.get(id);
    if (title === undefined) return;
    this.stream.write(`${word}  ${title}${text === undefined || text === '' ? '' : `: ${text}`}\n`);
  }
}

interface Pending {
  readonly title: string;
  readonly finished: Promise<void>;
  resolve(): void;
  reject(reason: Error): void;
  /** Set by listr2 once the step is on screen. */
  show: ((change: { title?: string; output?: string }) => void) | undefined;
}

class ListProgress implements Progress {
  private readonly steps = new Map<string, Pending>();
  private drawn: Promise<unknown> = Promise.resolve();
  private readonly stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
  }

  begin(stages: readonly (readonly ProgressStep[])[]): void {
    const tasks = stages.filter((stage) => stage.length > 0).map((stage) => this.stageTask(stage));
    const logger = new ListrLogger({ processOutput: new ProcessOutput(this.stream, this.stream) });
    const list = new Listr(tasks, {
      concurrent: false,
      exitOnError: true,
      registerSignalListeners: false,
      renderer: 'default',
      rendererOptions: { logger, collapseSubtasks: false, collapseErrors: false, showErrorMessage: true },
    });
    // A failed step is told to the caller by the operation itself; here it only has to be drawn.
    this.drawn = list.run().catch(() => undefined);
  }

  note(id: string, text: string): void {
    this.steps.get(id)?.show?.({ output: text });
  }

  done(id: string, text?: string): void {
    const step = this.steps.get(id);
    if (step === undefined) return;
    if (text !== undefined && text !== '') step.show?.({ title: `${step.title}: ${text}` });
    step.resolve();
  }

  fail(id: string, reason: string): void {
    this.steps.get(id)?.reject(new Error(reason));
  }

  async end(): Promise<void> {
    for (const step of this.steps.values()) step.reject(new Error('not done'));
    await this.drawn;
    this.steps.clear();
  }

  private stageTask(stage: readonly ProgressStep[]): ListrTask {
    const [first] = stage;
    if (stage.length === 1 && first !== undefined) return this.stepTask(first);
    return {
      title: stage.map(({ title }) => title).join(' · '),
      task: (_context, task) =>
        task.newListr(
          stage.map((step) => this.stepTask(step)),
          { concurrent: true },
        ),
    };
  }

  private stepTask({ id, title }: ProgressStep): ListrTask {
    const pending = this.track(id, title);
    return {
      title,
      task: (_context, task) => {
        pending.show = (change) => {
          if (change.title !== undefined) task.title = change.title;
          if (change.output !== undefined) task.output = change.output;
        };
        return pending.finished;
      },
    };
  }

  private track(id: string, title: string): Pending {
    let resolve: () => void = () => undefined;
    let reject: (reason: Error) => void = () => undefined;
    const finished = new Promise<void>((onDone, onFailed) => {
      resolve = onDone;
      reject = onFailed;
    });
    // A step may fail before it is drawn.
    finished.catch(() => undefined);
    const pending: Pending = { title, finished, resolve, reject, show: undefined };
    this.steps.set(id, pending);
    return pending;
  }
}
