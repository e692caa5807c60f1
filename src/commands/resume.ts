import { resume } from '../apply/resume.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Resume extends ChangingCommand<typeof Resume> {
  static override readonly summary = 'Finish an operation that was interrupted.';
  static override readonly description =
    'Plans anew from what is live now to the tree that was wanted; nothing depends on how far the interrupted run got.';
  static override readonly examples = ['<%= config.bin %> resume'];

  protected override async execute(): Promise<Outcome> {
    const context = this.contextOf(await findTopology(this.flags.file));
    return this.showChange(await resume(context, { isDryRun: this.flags['dry-run'] }));
  }
}
