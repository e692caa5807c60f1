import { Args } from '@oclif/core';
import { up } from '../apply/up.ts';
import { drawPlan } from '../show/change-report.ts';
import { loadTopology } from '../topology/load-topology.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { requireTopologyFile } from './frame/find-topology.ts';
import { reportChange } from './frame/report-change.ts';

export default class Plan extends ChangingCommand<typeof Plan> {
  static override readonly summary = 'Show what `up` would do, step by step, and what each edge will cost.';
  static override readonly description =
    'Reads only. Each step says what it changes, what it checks and how it is undone.';
  static override readonly examples = ['<%= config.bin %> plan', '<%= config.bin %> plan --json'];
  static override readonly args = {
    file: Args.string({ ignoreStdin: true, description: 'topology file' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await loadTopology(requireTopologyFile(this.args.file ?? this.flags.file));
    const result = await up(this.contextOf(topology), {
      isDryRun: true,
      allowsRemoval: true,
      restoresRoles: false,
      discardsDiverged: false,
    });
    const report = reportChange(result, true, null);
    return { json: { ...report }, text: drawPlan(report, this.theme) };
  }
}
