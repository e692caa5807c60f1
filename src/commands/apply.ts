import { readFile } from 'node:fs/promises';
import { Args } from '@oclif/core';
import { applyPlan, type PlanFile } from '../apply/plan-file.ts';
import { ReplctlError } from '../errors.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Apply extends ChangingCommand<typeof Apply> {
  static override readonly summary =
    'Carry out a plan that was written by `plan --out`, exactly or not at all.';
  static override readonly description =
    'Refuses (exit 18) when what is live is no longer what the plan was made from.';
  static override readonly examples = ['<%= config.bin %> apply plan.json'];
  static override readonly args = {
    plan: Args.string({ ignoreStdin: true, description: 'plan file', required: true }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const file = await readPlanFile(this.args.plan);
    const context = this.contextOf(topology);
    if (this.flags['dry-run']) {
      return this.showSteps({ plan: file.plan, report: null, topology, epoch: 0 });
    }
    return this.showChange(await applyPlan(context, file));
  }
}

async function readPlanFile(file: string): Promise<PlanFile> {
  try {
    const parsed = JSON.parse(await readFile(file, 'utf8')) as unknown;
    if (typeof parsed === 'object' && parsed !== null && 'schema' in parsed && 'plan' in parsed)
      return parsed as PlanFile;
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new ReplctlError('USAGE', `${file} cannot be read as a plan: ${cause.message}`, {
      hint: 'replctl plan -o FILE writes one',
      cause,
    });
  }
  throw new ReplctlError('USAGE', `${file} is not a plan`, { hint: 'replctl plan -o FILE writes one' });
}
