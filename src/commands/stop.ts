import { Args } from '@oclif/core';
import { stopNodes } from '../apply/lifecycle.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Stop extends ChangingCommand<typeof Stop> {
  static override readonly summary = 'Stop nodes, data saved; nobody is promoted.';
  static override readonly description = 'Everything else is left as it is. replctl start brings them back.';
  static override readonly examples = ['<%= config.bin %> stop 6380', '<%= config.bin %> stop 6380 reports'];
  static override readonly strict = false;
  static override readonly args = {
    nodes: Args.string({ ignoreStdin: true, description: 'names, ports or host:port', required: true }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const nodes = this.rest.map((word) => findNode(topology, word).id);
    const options = { isDryRun: this.flags['dry-run'] };
    return this.showSteps(await stopNodes(this.contextOf(topology), nodes, options));
  }
}
