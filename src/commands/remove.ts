import { Args, Flags } from '@oclif/core';
import { removeNode } from '../apply/membership.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Remove extends ChangingCommand<typeof Remove> {
  static override readonly summary = 'Take a replica out of the topology file, and stop it; its data stays.';
  static override readonly description =
    'Asks first, or takes --yes. A node that has replicas is refused unless --rehang hangs them under its parent; the master is always refused: promote another node first.';
  static override readonly examples = [
    '<%= config.bin %> remove 6383',
    '<%= config.bin %> remove reports --rehang --yes',
  ];
  static override readonly args = {
    node: Args.string({ ignoreStdin: true, description: 'name, port or host:port', required: true }),
  };
  static override readonly flags = {
    rehang: Flags.boolean({ summary: 'Hang its replicas under its parent.' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const { id } = findNode(topology, this.args.node);
    const isDryRun = this.flags['dry-run'];
    const isConfirmed = isDryRun || (await this.consent(`stop ${id} and take it out of the file?`));
    const options = { isDryRun, isConfirmed, rehangsReplicas: this.flags.rehang };
    return this.showChange(await removeNode(this.contextOf(topology), id, options));
  }
}
