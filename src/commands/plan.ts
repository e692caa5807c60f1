import { Args, Flags } from '@oclif/core';
import { plan } from '../apply/plan-file.ts';
import { writeDurably } from '../apply/write-durably.ts';
import { drawPlan } from '../show/change-report.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';
import { reportChange } from './frame/report-change.ts';

export default class Plan extends ChangingCommand<typeof Plan> {
  static override readonly summary = 'Show what `up` would do, step by step, and what each edge will cost.';
  static override readonly description =
    'Reads only. Each step says what it changes, what it checks and how it is undone. With --out the plan becomes a contract: `apply` carries out exactly that, or nothing when what is live has changed since.';
  static override readonly examples = [
    '<%= config.bin %> plan',
    '<%= config.bin %> plan -o plan.json && <%= config.bin %> apply plan.json',
  ];
  static override readonly args = {
    file: Args.string({ ignoreStdin: true, description: 'topology file' }),
  };
  static override readonly flags = {
    out: Flags.string({ char: 'o', helpValue: '<file>', summary: 'Write the plan into a file for `apply`.' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.args.file ?? this.flags.file);
    const made = await plan(this.contextOf(topology), {
      verb: 'up',
      edit: null,
      options: { startsNodes: true, allowsRemoval: true },
    });
    if (this.flags.out !== undefined)
      await writeDurably(this.flags.out, `${JSON.stringify(made, null, 2)}\n`);
    const report = reportChange({ plan: made.plan, report: null, topology, epoch: 0 }, true, null);
    const written =
      this.flags.out === undefined ? '' : `\nwritten: ${this.flags.out}; replctl apply ${this.flags.out}`;
    return { json: { ...report, out: this.flags.out ?? null }, text: drawPlan(report, this.theme) + written };
  }
}
