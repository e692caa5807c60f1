import { Args, Flags } from '@oclif/core';
import { move } from '../apply/rearrange.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Move extends ChangingCommand<typeof Move> {
  static override readonly summary = 'Hang one replica, with all below it, under another node.';
  static override readonly examples = [
    '<%= config.bin %> move 6382 --under 6380',
    { description: 'See first what it costs', command: '<%= config.bin %> move 6382 --under 6380 --dry-run' },
  ];
  static override readonly args = {
    node: Args.string({ ignoreStdin: true, description: 'name, port or host:port', required: true }),
  };
  static override readonly flags = {
    under: Flags.string({ char: 'u', helpValue: '<node>', summary: 'The new parent.', required: true }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const node = findNode(topology, this.args.node).id;
    const under = findNode(topology, this.flags.under).id;
    return this.showChange(
      await move(this.contextOf(topology), node, under, { isDryRun: this.flags['dry-run'] }),
    );
  }
}
