import { Args, Flags } from '@oclif/core';
import { inspect } from '../apply/inspect.ts';
import { up } from '../apply/up.ts';
import { EXIT_CODES } from '../errors.ts';
import { drawChange, drawPlan } from '../show/change-report.ts';
import { drawStatus } from '../show/draw-status.ts';
import { reportStatus } from '../show/status-report.ts';
import { defaultTopology } from '../topology/default-topology.ts';
import { findTopologyFile } from '../topology/find-topology-file.ts';
import { loadTopology } from '../topology/load-topology.ts';
import type { Topology } from '../topology/model.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { reportChange } from './frame/report-change.ts';

const OBSERVE_TIMEOUT_MS = 2000;

export default class Up extends ChangingCommand<typeof Up> {
  static override readonly summary = 'Make the declared tree run, and wait until every node is ready.';
  static override readonly description =
    'Does only what differs: starts what is down, adds, re-hangs, reconfigures. Running it again with nothing to do changes nothing. Without any file: one master and two replicas on the bundled server, in ./.replctl.';
  static override readonly examples = [
    '<%= config.bin %> up',
    '<%= config.bin %> up topology.yaml',
    { description: 'See first what it would do', command: '<%= config.bin %> up --dry-run' },
  ];
  static override readonly args = { file: Args.string({ description: 'topology file' }) };
  static override readonly flags = {
    'restore-roles': Flags.boolean({
      summary: 'Switch back, safely, a promotion that was made elsewhere (see also adopt).',
    }),
    'discard-diverged': Flags.boolean({
      summary: 'Throw away the writes that only a second master took (see also salvage).',
    }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await this.declared();
    const isDryRun = this.flags['dry-run'];
    const result = await up(this.contextOf(topology), {
      isDryRun,
      allowsRemoval: this.flags.yes,
      restoresRoles: this.flags['restore-roles'],
      discardsDiverged: this.flags['discard-diverged'],
    });
    await this.endProgress();
    if (isDryRun) {
      const report = reportChange(result, true, null);
      return { json: { ...report }, text: drawPlan(report, this.theme) };
    }
    const seen = await inspect(result.topology, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: this.signal });
    const status = reportStatus(result.topology, seen.observation, seen.findings);
    const report = reportChange(result, false, status);
    return {
      json: { ...report },
      text: `${drawChange(report, this.theme)}\n\n${drawStatus(status, this.theme)}`,
      exitCode: status.isHealthy ? 0 : EXIT_CODES.FINDINGS,
    };
  }

  private async declared(): Promise<Topology> {
    const cwd = process.cwd();
    const file = findTopologyFile(this.args.file ?? this.flags.file, { cwd, env: process.env });
    return file === null ? defaultTopology(cwd) : loadTopology(file);
  }
}
