import { Command, Errors, Flags, type Interfaces } from '@oclif/core';
import { ReplctlError } from '../../errors.ts';
import { errorToJson, formatError } from '../../show/format-error.ts';
import { createTheme, wantsColor, type Theme } from '../../show/theme.ts';
import { durationFlag } from './duration-flag.ts';

/** What a command found or did: the stable JSON shape, the same for people, and how the process ends. */
export interface Outcome {
  /** Carries `schema: 'replctl.<verb>/<version>'`; documented in docs/json.md. */
  readonly json: Readonly<Record<string, unknown>> & { readonly schema: string };
  readonly text: string;
  readonly exitCode?: number;
}

export type BaseFlags<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof BaseCommand)['baseFlags']
> &
  Interfaces.InferredFlags<T['baseFlags'] & T['flags']>;
export type BaseArgs<T extends typeof Command> = Interfaces.InferredArgs<T['args']>;

/** The topology file; its letter is `-f` but where a verb needs that for what everybody knows it for. */
export function fileFlag(char: 'f' | 'F') {
  return Flags.string({
    char,
    helpValue: '<path>',
    summary: 'Topology file. Default: topology.yaml or .yml here or in a folder above.',
    env: 'REPLCTL_TOPOLOGY',
    helpGroup: 'GLOBAL',
  });
}

/**
 * What every verb shares: the global flags, colour, one place where results and errors are written, and one abort
 * signal for Ctrl-C. Data goes to stdout, everything else to stderr (clig.dev).
 */
export abstract class BaseCommand<T extends typeof Command> extends Command {
  static override baseFlags = {
    file: fileFlag('f'),
    json: Flags.boolean({ summary: 'Print the result as JSON (docs/json.md).', helpGroup: 'GLOBAL' }),
    timeout: durationFlag({ summary: 'Give up after this long, such as 30s or 2m.', helpGroup: 'GLOBAL' }),
    'no-color': Flags.boolean({ summary: 'No colour, as with NO_COLOR=1.', helpGroup: 'GLOBAL' }),
    quiet: Flags.boolean({
      char: 'q',
      summary: 'No progress on stderr.',
      helpGroup: 'GLOBAL',
      exclusive: ['verbose'],
    }),
    verbose: Flags.boolean({
      char: 'v',
      summary: 'Say more: causes, every step, timings.',
      helpGroup: 'GLOBAL',
    }),
  };

  protected flags!: BaseFlags<T>;
  protected args!: BaseArgs<T>;
  /** Words after the declared arguments, for commands that pass them on. */
  protected rest: readonly string[] = [];
  protected theme: Theme = createTheme(false);
  private readonly controller = new AbortController();

  /** What a signal does to this verb, when that is more than to end it. */
  protected readonly whenInterrupted: string = '';

  /** Aborts when the user interrupts; use-cases stop between two steps and leave a state that can be resumed. */
  protected get signal(): AbortSignal {
    return this.controller.signal;
  }

  protected abstract execute(): Promise<Outcome>;

  override async init(): Promise<void> {
    await super.init();
    this.theme = this.createTheme(process.stdout.isTTY);
    const parsed = await this.parse({
      flags: this.ctor.flags,
      args: this.ctor.args,
      baseFlags: (super.ctor as typeof BaseCommand).baseFlags,
      strict: this.ctor.strict,
    });
    this.flags = parsed.flags as BaseFlags<T>;
    this.args = parsed.args as BaseArgs<T>;
    this.rest = parsed.argv.map(String);
    process.on('SIGINT', this.interrupt);
    process.on('SIGTERM', this.interrupt);
  }

  override async run(): Promise<void> {
    const outcome = await this.execute();
    if (this.flags.json) writeStdout(`${JSON.stringify(outcome.json, null, 2)}\n`);
    else if (outcome.text !== '')
      writeStdout(outcome.text.endsWith('\n') ? outcome.text : `${outcome.text}\n`);
    process.exitCode = outcome.exitCode ?? 0;
  }

  /** A line for people that is not part of the result. */
  protected say(line: string): void {
    if (!this.flags.quiet) process.stderr.write(`${line}\n`);
  }

  /** Colours for what goes to stderr, which may be a terminal when stdout is not. */
  protected stderrTheme(): Theme {
    return this.createTheme(process.stderr.isTTY);
  }

  override async catch(thrown: Error): Promise<void> {
    if (thrown instanceof Errors.ExitError) throw thrown;
    const error = wrapUsage(thrown);
    process.exitCode = error instanceof ReplctlError ? error.exitCode : 1;
    if (this.argv.includes('--json')) writeStdout(`${JSON.stringify(errorToJson(error), null, 2)}\n`);
    else {
      const isVerbose = this.argv.includes('--verbose') || this.argv.includes('-v');
      process.stderr.write(`${formatError(error, this.stderrTheme(), isVerbose)}\n`);
    }
  }

  override async finally(error: Error | undefined): Promise<void> {
    process.off('SIGINT', this.interrupt);
    process.off('SIGTERM', this.interrupt);
    await super.finally(error);
  }

  private createTheme(isTty: boolean): Theme {
    const noColorFlag = this.argv.includes('--no-color');
    return createTheme(wantsColor({ isTty, noColorFlag, env: process.env }));
  }

  private readonly interrupt = (signal: NodeJS.Signals): void => {
    const code = signal === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED';
    // A second signal does not wait for the step in hand; the journal covers that case as it covers a crash.
    if (this.controller.signal.aborted) process.exit(code === 'TERMINATED' ? 143 : 130);
    process.stderr.write(`\n${signal === 'SIGTERM' ? 'terminated' : 'interrupted'}${this.whenInterrupted}\n`);
    this.controller.abort(
      new ReplctlError(code, 'stopped before the end', { hint: 'run the same command again to finish' }),
    );
  };
}

/** oclif's own complaints about flags and arguments are wrong usage: exit 2, and one line of help. */
function wrapUsage(error: Error): Error {
  if (!(error instanceof Errors.CLIError)) return error;
  const message = error.message.replace(/\nSee more help with --help$/, '');
  return new ReplctlError('USAGE', message, { hint: 'see --help', cause: error });
}

function writeStdout(text: string): void {
  process.stdout.write(text);
}
