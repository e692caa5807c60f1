import { Args } from '@oclif/core';
import { startNodes } from '../apply/lifecycle.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Start extends ChangingCommand<typeof Start> {
  static override readonly summary = 'Start nodes in their declared places.';
  static override readonly description =
    'Parents before children. A master that would come up empty over replicas that hold data is refused.';
  static override readonly examples = ['<%= config.bin %> start 6380', '<%= config.bin %> start 6379 6380'];
  static override readonly strict = false;
  static override readonly args = {
    nodes: Args.string({ ignoreStdin: true, description: 'names, ports or host:port', required: true }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const nodes = this.rest.map((word) => findNode(topology, word).id);
    const options = { isDryRun: this.flags['dry-run'] };
    return this.showChange(await startNodes(this.contextOf(topology), nodes, options));
  }
}
