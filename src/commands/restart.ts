import { restartNodes } from '../apply/lifecycle.ts';
import type { Outcome } from './frame/base-command.ts';
import { NodesCommand } from './frame/nodes-command.ts';

export default class Restart extends NodesCommand<typeof Restart> {
  static override readonly summary = 'Restart nodes one after the other, leaves first.';
  static override readonly description =
    'A master that has replicas hands its role over meanwhile, so that writes hardly wait. A node that lives and does not answer is told to end, woken, and killed when it has not ended within --timeout: what it had not saved is lost there. The plan (--dry-run) says what that may be.';
  static override readonly examples = [
    '<%= config.bin %> restart 6380',
    '<%= config.bin %> restart reports --dry-run',
  ];

  protected override async change(...work: Parameters<typeof restartNodes>): Promise<Outcome> {
    return this.showChange(await restartNodes(...work));
  }
}
