import { Args, Flags } from '@oclif/core';
import { addNode } from '../apply/membership.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Add extends ChangingCommand<typeof Add> {
  static override readonly summary = 'Add a replica: to the topology file, and to what runs.';
  static override readonly description =
    'Comments in the file stay. Without --under: directly under the master. A replica that is there already, at this address and under this parent, is taken over: it is restarted with the configuration of the file.';
  static override readonly examples = [
    '<%= config.bin %> add 6383',
    '<%= config.bin %> add 6384 --under reports',
  ];
  static override readonly args = {
    address: Args.string({ ignoreStdin: true, description: 'port or host:port', required: true }),
  };
  static override readonly flags = {
    under: Flags.string({ char: 'u', helpValue: '<node>', summary: 'Its parent; the master unless given.' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const under =
      this.flags.under === undefined ? topology.nodes[0]?.id : findNode(topology, this.flags.under).id;
    const options = { isDryRun: this.flags['dry-run'] };
    return this.showChange(await addNode(this.contextOf(topology), this.args.address, under ?? '', options));
  }
}
