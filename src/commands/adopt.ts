import { adopt } from '../apply/adopt.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Adopt extends ChangingCommand<typeof Adopt> {
  static override readonly summary = 'Write the tree as it is live into the topology file.';
  static override readonly description =
    'For a promotion or a move that somebody else made and that is right. Changes no relation; comments in the file stay. The other way round is up --restore-roles.';
  static override readonly examples = ['<%= config.bin %> adopt --dry-run', '<%= config.bin %> adopt'];

  protected override async execute(): Promise<Outcome> {
    const context = this.contextOf(await findTopology(this.flags.file));
    return this.showChange(await adopt(context, { isDryRun: this.flags['dry-run'] }));
  }
}
