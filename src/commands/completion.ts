import { Args, Flags } from '@oclif/core';
import { completionScript, SHELLS, type CompletableCommand, type Shell } from '../show/completion-script.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Completion extends BaseCommand<typeof Completion> {
  static override readonly summary = 'Print a completion script for bash, zsh or fish.';
  static override readonly examples = [
    { description: 'For this bash session', command: 'source <(<%= config.bin %> completion bash)' },
  ];
  static override readonly args = {
    shell: Args.string({ ignoreStdin: true, options: [...SHELLS], default: 'bash' }),
  };
  static override readonly flags = {
    nodes: Flags.boolean({ summary: 'Print the nodes of the topology file instead, one a line.' }),
  };

  protected override async execute(): Promise<Outcome> {
    if (this.flags.nodes) {
      const { nodes } = await findTopology(this.flags.file);
      const ids = nodes.map(({ id }) => id);
      return { json: { schema: 'replctl.completion/1', nodes: ids }, text: ids.join('\n') };
    }
    const script = completionScript(this.args.shell as Shell, this.completable());
    return { json: { schema: 'replctl.completion/1', script }, text: script };
  }

  private completable(): CompletableCommand[] {
    return this.config.commands
      .filter(({ hidden }) => !hidden)
      .map(({ id, summary, flags, args }) => ({
        id,
        summary: summary ?? '',
        flags: Object.keys(flags).map((name) => `--${name}`),
        takesNodes: 'node' in args || 'nodes' in args,
      }))
      .toSorted((a, b) => a.id.localeCompare(b.id));
  }
}
