import { Args } from '@oclif/core';
import { ReplctlError } from '../errors.ts';
import { findTopologyFile } from '../topology/find-topology-file.ts';
import { formatProblem, topologyError } from '../topology/format-problem.ts';
import { readTopology } from '../topology/load-topology.ts';
import { formatCount } from '../show/format-quantity.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';

export default class Validate extends BaseCommand<typeof Validate> {
  static override readonly summary = 'Check a topology file; show every problem with its place.';
  static override readonly examples = [
    '<%= config.bin %> validate',
    {
      description: 'In CI, for a machine to read',
      command: '<%= config.bin %> validate topology.yaml --json',
    },
  ];
  static override readonly args = { file: Args.string({ description: 'topology file' }) };

  protected override async execute(): Promise<Outcome> {
    const file = findTopologyFile(this.args.file ?? this.flags.file, {
      cwd: process.cwd(),
      env: process.env,
    });
    if (file === null) {
      throw new ReplctlError('TOPOLOGY_INVALID', 'there is no topology file here to validate', {
        hint: 'replctl init writes one to start from',
      });
    }
    const { topology, problems, label, text } = await readTopology(file);
    if (topology === null) throw topologyError(problems, label, text);
    const warnings = topology.warnings.map(
      (problem) => `${this.theme.warn('warning:')} ${formatProblem(problem, label, text)}`,
    );
    const verdict = `${this.theme.good('valid')}: ${label}, ${formatCount(topology.nodes.length, 'node')}`;
    return {
      json: {
        schema: 'replctl.validate/1',
        file,
        deployment: topology.name,
        nodes: topology.nodes.map(({ id, host, port, parent }) => ({ id, host, port, parent })),
        warnings: topology.warnings,
      },
      text: [...warnings, verdict].join('\n'),
    };
  }
}
