import { stopNodes } from '../apply/lifecycle.ts';
import type { Outcome } from './frame/base-command.ts';
import { NodesCommand } from './frame/nodes-command.ts';

export default class Stop extends NodesCommand<typeof Stop> {
  static override readonly summary = 'Stop nodes, data saved; nobody is promoted.';
  static override readonly description = 'Everything else is left as it is. replctl start brings them back.';
  static override readonly examples = ['<%= config.bin %> stop 6380', '<%= config.bin %> stop 6380 reports'];

  protected override async change(...work: Parameters<typeof stopNodes>): Promise<Outcome> {
    return this.showSteps(await stopNodes(...work));
  }
}
