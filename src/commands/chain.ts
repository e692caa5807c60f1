import { Args, Flags } from '@oclif/core';
import { chain, star } from '../apply/rearrange.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Chain extends ChangingCommand<typeof Chain> {
  static override readonly summary = 'Turn the replicas into a daisy chain, or back into a star.';
  static override readonly description =
    'Without nodes: every replica below the one declared before it. With nodes: exactly that chain. Says beforehand (--dry-run) for each edge whether it will be a partial or a full resync, and afterwards what it was.';
  static override readonly examples = [
    '<%= config.bin %> chain',
    '<%= config.bin %> chain 6380 6381 6382',
    {
      description: 'All replicas directly under the master again',
      command: '<%= config.bin %> chain --star',
    },
  ];
  static override readonly strict = false;
  static override readonly args = {
    nodes: Args.string({ ignoreStdin: true, description: 'names, ports or host:port, from top to bottom' }),
  };
  static override readonly flags = {
    star: Flags.boolean({ summary: 'Hang every replica under the master.' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const context = this.contextOf(topology);
    const options = { isDryRun: this.flags['dry-run'] };
    const nodes = this.rest.map((word) => findNode(topology, word).id);
    return this.showChange(await (this.flags.star ? star(context, options) : chain(context, nodes, options)));
  }
}
