import { rollback } from '../apply/resume.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Rollback extends ChangingCommand<typeof Rollback> {
  static override readonly summary = 'Take back an operation that was interrupted.';
  static override readonly description =
    'The tree and the topology file as they were before it. A file that was edited since is not put back: refused, exit 18.';
  static override readonly examples = ['<%= config.bin %> rollback'];

  protected override async execute(): Promise<Outcome> {
    const context = this.contextOf(await findTopology(this.flags.file));
    return this.showChange(await rollback(context, { isDryRun: this.flags['dry-run'] }));
  }
}
