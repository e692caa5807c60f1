import { Flags } from '@oclif/core';
import { down } from '../apply/down.ts';
import { ReplctlError } from '../errors.ts';
import { drawChange, drawPlan } from '../show/change-report.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';
import { reportChange } from './frame/report-change.ts';

export default class Down extends ChangingCommand<typeof Down> {
  static override readonly summary = 'Stop every node; the data stays.';
  static override readonly description =
    'Stops only processes that replctl started. With --wipe the folder of the deployment is deleted too, which must be confirmed by its name.';
  static override readonly examples = [
    '<%= config.bin %> down',
    { description: 'And delete its data', command: '<%= config.bin %> down --wipe --confirm demo' },
  ];
  static override readonly flags = {
    wipe: Flags.boolean({
      summary: "Delete the deployment's own folder afterwards.",
      dependsOn: ['confirm'],
    }),
    confirm: Flags.string({ helpValue: '<name>', summary: 'Name of the deployment to wipe.' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    if (this.flags.confirm !== undefined && !this.flags.wipe) {
      throw new ReplctlError('USAGE', '--confirm is for --wipe', {
        hint: `replctl down --wipe --confirm ${topology.name}`,
      });
    }
    const isDryRun = this.flags['dry-run'];
    const result = await down(this.contextOf(topology), {
      isDryRun,
      wipe: this.flags.wipe ? (this.flags.confirm ?? '') : null,
    });
    await this.endProgress();
    const report = reportChange(result, isDryRun, null);
    if (isDryRun) return { json: { ...report }, text: drawPlan(report, this.theme) };
    const done = this.flags.wipe ? `${this.theme.good('wiped')}: ${topology.stateDir}` : '';
    return { json: { ...report }, text: [drawChange(report, this.theme), done].filter(Boolean).join('\n') };
  }
}
