import { Args } from '@oclif/core';
import { promote } from '../apply/promote.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Promote extends ChangingCommand<typeof Promote> {
  static override readonly summary =
    'Switch the master over to any node of the tree, losing no acknowledged write.';
  static override readonly description =
    'Holds writes back, waits until the node has every byte, demotes the old master before it promotes the new one, and proves by offset that nothing is missing. The old master becomes its direct replica, and so do the old master’s other replicas; everyone else keeps their parent. --timeout is how long writes may be held back; when that is not enough, nothing is changed (exit 18).';
  static override readonly examples = [
    '<%= config.bin %> promote 6380',
    {
      description: 'See first what it would do and cost',
      command: '<%= config.bin %> promote reports --dry-run',
    },
  ];
  static override readonly args = {
    node: Args.string({ ignoreStdin: true, description: 'name, port or host:port', required: true }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const { id } = findNode(topology, this.args.node);
    const result = await promote(this.contextOf(topology), id, {
      isDryRun: this.flags['dry-run'],
      fenceBudgetMs: this.flags.timeout,
    });
    return this.showChange(result);
  }
}
