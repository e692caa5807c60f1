import { Args } from '@oclif/core';
import path from 'node:path';
import { initTopology } from '../topology/init-topology.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';

export default class Init extends BaseCommand<typeof Init> {
  static override readonly summary = 'Write a commented topology file to start from.';
  static override readonly description = 'Never overwrites a file.';
  static override readonly examples = [
    '<%= config.bin %> init',
    '<%= config.bin %> init staging/topology.yaml',
  ];
  static override readonly args = {
    file: Args.string({ ignoreStdin: true, description: 'where to write it', default: 'topology.yaml' }),
  };

  protected override async execute(): Promise<Outcome> {
    const file = await initTopology(this.args.file);
    const shown = path.relative(process.cwd(), file);
    return {
      json: { schema: 'replctl.init/1', file },
      text: `${this.theme.good('written')}: ${shown}\nnext: replctl up${this.args.file === 'topology.yaml' ? '' : ` ${this.args.file}`}`,
    };
  }
}
