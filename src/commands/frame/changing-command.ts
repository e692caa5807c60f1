import { createInterface } from 'node:readline/promises';
import { Flags, type Command } from '@oclif/core';
import type { ChangeResult } from '../../apply/change.ts';
import type { ApplyContext, ApplyEvent } from '../../apply/context.ts';
import { inspect } from '../../apply/inspect.ts';
import { EXIT_CODES } from '../../errors.ts';
import { describeStep } from '../../plan/describe-step.ts';
import { drawChange, drawPlan } from '../../show/change-report.ts';
import { drawStatus } from '../../show/draw-status.ts';
import { createProgress, type Progress } from '../../show/progress.ts';
import { reportStatus } from '../../show/status-report.ts';
import type { Topology } from '../../topology/model.ts';
import { BaseCommand, type Outcome } from './base-command.ts';
import { reportChange } from './report-change.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const OBSERVE_TIMEOUT_MS = 2000;

/** A verb that changes something: dry run, consent, and the course of the work on stderr. */
export abstract class ChangingCommand<T extends typeof Command> extends BaseCommand<T> {
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    'dry-run': Flags.boolean({ summary: 'Show what would be done, change nothing.', helpGroup: 'GLOBAL' }),
    yes: Flags.boolean({ char: 'y', summary: 'Agree beforehand; nothing is asked.', helpGroup: 'GLOBAL' }),
  };

  protected override readonly whenInterrupted = ': stopping after the step in hand';
  private progress: Progress | undefined;

  protected contextOf(topology: Topology): ApplyContext {
    this.progress = createProgress({ stream: process.stderr, isQuiet: this.flags.quiet });
    return {
      topology,
      command: [this.id ?? '', ...this.argv].join(' '),
      emit: (event) => this.draw(event),
      signal: this.signal,
      timeoutMs: this.flags.timeout ?? DEFAULT_TIMEOUT_MS,
    };
  }

  /** As `showChange`, for what leaves the tree incomplete on purpose: only what was done. */
  protected async showSteps(result: ChangeResult): Promise<Outcome> {
    await this.endProgress();
    const isDryRun = this.flags['dry-run'];
    const report = reportChange(result, isDryRun, null);
    return {
      json: { ...report },
      text: isDryRun ? drawPlan(report, this.theme) : drawChange(report, this.theme),
    };
  }

  /** `--yes`, or a yes typed at a terminal. Without a terminal nothing is asked and the answer is no. */
  protected async consent(question: string): Promise<boolean> {
    if (this.flags['yes'] === true) return true;
    if (!process.stdin.isTTY || this.flags.json) return false;
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await prompt.question(`${question} [y/N] `, { signal: this.signal });
      return /^y(?:es)?$/i.test(answer.trim());
    } finally {
      prompt.close();
    }
  }

  /** What was planned, when only that was asked; else what was done and how the tree looks now. */
  protected async showChange(result: ChangeResult): Promise<Outcome> {
    await this.endProgress();
    if (this.flags['dry-run']) return this.showSteps(result);
    const seen = await inspect(result.topology, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: this.signal });
    const status = reportStatus(result.topology, seen.observation, seen.findings);
    const report = reportChange(result, false, status);
    return {
      json: { ...report },
      text: `${drawChange(report, this.theme)}\n\n${drawStatus(status, this.theme)}`,
      // A warning is for `status` to exit by: what was asked for is done.
      exitCode: seen.findings.some(({ severity }) => severity === 'error') ? EXIT_CODES.FINDINGS : 0,
    };
  }

  override async finally(error: Error | undefined): Promise<void> {
    await this.progress?.end();
    await super.finally(error);
  }

  /** Whatever is still being drawn is on the screen before a result or an error follows it. */
  protected async endProgress(): Promise<void> {
    await this.progress?.end();
  }

  override async catch(thrown: Error): Promise<void> {
    await this.endProgress();
    await super.catch(thrown);
  }

  private draw(event: ApplyEvent): void {
    switch (event.kind) {
      case 'plan':
        this.progress?.begin(
          event.plan.stages.map((stage, index) =>
            stage.map((step, position) => ({ id: `${index}.${position}`, title: describeStep(step).title })),
          ),
        );
        return;
      case 'warning':
        this.say(`${this.stderrTheme().warn('warning:')} ${event.message}`);
        return;
      case 'step-start':
        return;
      case 'progress':
        this.progress?.note(idOf(event), event.message);
        return;
      case 'step-done':
        this.progress?.done(idOf(event), event.note ?? undefined);
        return;
      case 'step-failed':
        this.progress?.fail(idOf(event), event.message);
    }
  }
}

function idOf({ stage, step }: { readonly stage: number; readonly step: number }): string {
  return `${stage}.${step}`;
}
