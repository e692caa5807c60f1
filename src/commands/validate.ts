import { Args } from '@oclif/core';
import { EXIT_CODES } from '../errors.ts';
import { formatCount } from '../show/format-quantity.ts';
import { validateTopology } from '../topology/validate-topology.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { requireTopologyFile } from './frame/find-topology.ts';

export default class Validate extends BaseCommand<typeof Validate> {
  static override readonly summary =
    'Check a topology file and the secrets it names; show every problem with its place.';
  static override readonly examples = [
    '<%= config.bin %> validate',
    {
      description: 'In CI, for a machine to read',
      command: '<%= config.bin %> validate topology.yaml --json',
    },
  ];
  static override readonly args = { file: Args.string({ ignoreStdin: true, description: 'topology file' }) };

  protected override async execute(): Promise<Outcome> {
    const file = requireTopologyFile(this.args.file ?? this.flags.file);
    const { topology, problems, warnings, lines, label } = await validateTopology(file);
    const nodes = topology?.nodes ?? [];
    const isValid = problems.length === 0;
    const verdict = isValid
      ? `${this.theme.good('valid')}: ${label}, ${formatCount(nodes.length, 'node')}`
      : `${this.theme.bad('invalid')}: ${label}, ${formatCount(problems.length, 'problem')}`;
    return {
      json: {
        schema: 'replctl.validate/1',
        file,
        isValid,
        deployment: topology?.name ?? null,
        nodes: nodes.map(({ id, host, port, parent }) => ({ id, host, port, parent })),
        problems,
        warnings,
      },
      text: [...lines, verdict].join('\n'),
      exitCode: isValid ? 0 : EXIT_CODES.TOPOLOGY_INVALID,
    };
  }
}
