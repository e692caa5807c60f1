import { startNodes } from '../apply/lifecycle.ts';
import type { Outcome } from './frame/base-command.ts';
import { NodesCommand } from './frame/nodes-command.ts';

export default class Start extends NodesCommand<typeof Start> {
  static override readonly summary = 'Start nodes in their declared places.';
  static override readonly description =
    'Parents before children. A master that would come up empty over replicas that hold data is refused.';
  static override readonly examples = ['<%= config.bin %> start 6380', '<%= config.bin %> start 6379 6380'];

  protected override async change(...work: Parameters<typeof startNodes>): Promise<Outcome> {
    return this.showChange(await startNodes(...work));
  }
}
