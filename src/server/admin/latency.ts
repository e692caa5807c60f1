import type { Server } from '../server.ts';

/** A spike of an event: when (Unix seconds) and how long (ms). */
export interface Spike {
  readonly at: number;
  readonly ms: number;
}

const KEPT_SPIKES = 160;

/** LATENCY's events (latency.c): a ring of spikes per event, at most one a second. */
export class LatencyMonitor {
  readonly events = new Map<string, { spikes: Spike[]; maxMs: number }>();

  attach(server: Server): void {
    this.#server = server;
    server.config.onChange('latency-monitor-threshold', (value) => {
      server.latencyUsec = Number(value) === 0 ? Infinity : Number(value) * 1000;
    });
    server.config.onChange('latency-tracking', (value) => {
      server.isTrackingLatency = value === 'yes';
    });
    server.noteLatency = (event, ms) => this.note(event, ms);
  }

  #server: Server | undefined;

  /** Notes that something took so long, when it is long enough to be of interest. */
  note(event: string, ms: number): void {
    const server = this.#server;
    const threshold = server?.config.number('latency-monitor-threshold') ?? 0;
    if (server === undefined || threshold === 0 || ms < threshold) return;
    const at = Math.floor(server.clock.now() / 1000);
    const known = this.events.get(event) ?? { spikes: [], maxMs: 0 };
    this.events.set(event, known);
    known.maxMs = Math.max(known.maxMs, ms);
    const last = known.spikes.at(-1);
    if (last?.at === at) {
      if (ms > last.ms) known.spikes[known.spikes.length - 1] = { at, ms };
      return;
    }
    known.spikes.push({ at, ms });
    if (known.spikes.length > KEPT_SPIKES) known.spikes.shift();
  }

  /** Forgets some events, or all; returns how many there were. */
  reset(names: readonly string[]): number {
    const chosen = names.length === 0 ? [...this.events.keys()] : names;
    return chosen.filter((name) => this.events.delete(name)).length;
  }

  /** `latency_percentiles_usec_<command>` of commands whose calls were timed. */
  percentiles(server: Server): Record<string, string> {
    const wanted = server.config.words('latency-tracking-info-percentiles');
    if (!server.config.flag('latency-tracking') || wanted.length === 0) return {};
    const fields: Record<string, string> = {};
    for (const { name, stats } of server.commands.all()) {
      if (stats.latency.total === 0) continue;
      const shown = wanted.map(
        (percent) => `p${percent}=${(stats.latency.percentileNs(Number(percent)) / 1000).toFixed(3)}`,
      );
      fields[`latency_percentiles_usec_${name}`] = shown.join(',');
    }
    return fields;
  }
}
