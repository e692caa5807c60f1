import { Args } from '@oclif/core';
import { restartNodes } from '../apply/lifecycle.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Restart extends ChangingCommand<typeof Restart> {
  static override readonly summary = 'Restart nodes one after the other, leaves first.';
  static override readonly description =
    'A master that has replicas hands its role over meanwhile, so that writes hardly wait. A node that lives and does not answer is told to end, woken, and killed when it has not ended within --timeout: what it had not saved is lost there. The plan (--dry-run) says what that may be.';
  static override readonly examples = [
    '<%= config.bin %> restart 6380',
    '<%= config.bin %> restart reports --dry-run',
  ];
  static override readonly strict = false;
  static override readonly args = {
    nodes: Args.string({ ignoreStdin: true, description: 'names, ports or host:port', required: true }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const nodes = this.rest.map((word) => findNode(topology, word).id);
    const options = { isDryRun: this.flags['dry-run'] };
    return this.showChange(await restartNodes(this.contextOf(topology), nodes, options));
  }
}
