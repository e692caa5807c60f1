import { Flags } from '@oclif/core';
import { down } from '../apply/down.ts';
import { ReplctlError } from '../errors.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

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
    const result = await down(this.contextOf(topology), {
      isDryRun: this.flags['dry-run'],
      wipe: this.flags.wipe ? (this.flags.confirm ?? '') : null,
    });
    const shown = await this.showSteps(result);
    if (!this.flags.wipe || this.flags['dry-run']) return shown;
    return { ...shown, text: `${shown.text}\n${this.theme.good('wiped')}: ${topology.stateDir}` };
  }
}
