import { openDeployment } from '../apply/deployment.ts';
import { observe } from '../observe/observe.ts';
import { drawStatus } from '../show/draw-status.ts';
import { reportStatus } from '../show/status-report.ts';
import { EXIT_CODES } from '../errors.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

const DEFAULT_TIMEOUT_MS = 2000;

export default class Status extends BaseCommand<typeof Status> {
  static override readonly summary = 'Show the live tree, and every difference from the declared one.';
  static override readonly description = 'Exits 4 when something is wrong, so that it can stand in a script.';
  static override readonly examples = ['<%= config.bin %> status', '<%= config.bin %> status --json'];

  protected override async execute(): Promise<Outcome> {
    const deployment = await openDeployment(await findTopology(this.flags.file));
    const observation = await observe(deployment.access, {
      timeoutMs: this.flags.timeout ?? DEFAULT_TIMEOUT_MS,
      signal: this.signal,
    });
    const report = reportStatus(deployment.topology, observation, []);
    return {
      json: { ...report },
      text: drawStatus(report, this.theme),
      exitCode: report.isHealthy ? 0 : EXIT_CODES.FINDINGS,
    };
  }
}
