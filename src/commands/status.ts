import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '@oclif/core';
import { inspect } from '../apply/inspect.ts';
import { EXIT_CODES } from '../errors.ts';
import type { Observation } from '../observe/observation.ts';
import { drawStatus } from '../show/draw-status.ts';
import { createScreen } from '../show/screen.ts';
import { reportStatus, type StatusReport } from '../show/status-report.ts';
import type { Topology } from '../topology/model.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { durationFlag } from './frame/duration-flag.ts';
import { findTopology } from './frame/find-topology.ts';

const DEFAULT_TIMEOUT_MS = 2000;
const DEFAULT_INTERVAL_MS = 1000;

export default class Status extends BaseCommand<typeof Status> {
  static override readonly summary = 'Show the live tree, and every difference from the declared one.';
  static override readonly description =
    'Exits 4 when something is wrong, so that it can stand in a script. LAG is the bytes a node has yet to get from its parent, TO ROOT from the master; SEEN is when its parent last heard of it.';
  static override readonly examples = [
    '<%= config.bin %> status',
    { description: 'Redrawn in place every second', command: '<%= config.bin %> status --watch' },
    { description: 'For a machine to read', command: '<%= config.bin %> status --json' },
  ];
  static override readonly flags = {
    watch: Flags.boolean({
      char: 'w',
      summary: 'Redraw until interrupted; one JSON document a line with --json.',
    }),
    interval: durationFlag({ summary: 'Between two looks of --watch.', default: DEFAULT_INTERVAL_MS }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    if (this.flags.watch) await this.watch(topology);
    const { report } = await this.look(topology, null);
    return {
      json: { ...report },
      text: drawStatus(report, this.theme),
      exitCode: report.isHealthy ? 0 : EXIT_CODES.FINDINGS,
    };
  }

  /** Ends when interrupted; the command then looks once more, for its exit code. */
  private async watch(topology: Topology): Promise<void> {
    const screen = createScreen(process.stdout);
    let earlier: Observation | null = null;
    while (!this.signal.aborted) {
      const { report, observation }: Look = await this.look(topology, earlier);
      earlier = observation;
      if (this.flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
      else screen.draw(`${drawStatus(report, this.theme)}\n${this.theme.dim(report.observedAt)}`);
      await sleep(this.flags.interval, undefined, { signal: this.signal }).catch(() => undefined);
    }
    process.exit(0);
  }

  private async look(topology: Topology, earlier: Observation | null): Promise<Look> {
    const timeoutMs = this.flags.timeout ?? DEFAULT_TIMEOUT_MS;
    const seen = await inspect(topology, { timeoutMs, signal: this.signal, earlier });
    return { observation: seen.observation, report: reportStatus(topology, seen.observation, seen.findings) };
  }
}

interface Look {
  readonly observation: Observation;
  readonly report: StatusReport;
}
