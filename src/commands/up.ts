import { Args, Flags } from '@oclif/core';
import { up } from '../apply/up.ts';
import { defaultTopology } from '../topology/default-topology.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopologyOrNone } from './frame/find-topology.ts';

export default class Up extends ChangingCommand<typeof Up> {
  static override readonly summary = 'Make the declared tree run, and wait until every node is ready.';
  static override readonly description =
    'Does only what differs: starts what is down, adds, re-hangs, reconfigures. Running it again with nothing to do changes nothing. Without any file: one master and two replicas on the bundled server, in ./.replctl.';
  static override readonly examples = [
    '<%= config.bin %> up',
    '<%= config.bin %> up topology.yaml',
    { description: 'See first what it would do', command: '<%= config.bin %> up --dry-run' },
  ];
  static override readonly args = { file: Args.string({ ignoreStdin: true, description: 'topology file' }) };
  static override readonly flags = {
    'restore-roles': Flags.boolean({
      summary: 'Switch back, safely, a promotion that was made elsewhere (see also adopt).',
    }),
    'discard-diverged': Flags.boolean({
      summary: 'Throw away the writes that only a second master took (see also salvage).',
    }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology =
      (await findTopologyOrNone(this.args.file ?? this.flags.file)) ?? defaultTopology(process.cwd());
    const result = await up(this.contextOf(topology), {
      isDryRun: this.flags['dry-run'],
      allowsRemoval: this.flags.yes,
      restoresRoles: this.flags['restore-roles'],
      discardsDiverged: this.flags['discard-diverged'],
    });
    return this.showChange(result);
  }
}
