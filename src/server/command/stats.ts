/** Counters behind INFO stats and errorstats; CONFIG RESETSTAT makes a new one. */
export class ServerStats {
  commandsProcessed = 0;
  connectionsReceived = 0;
  connectionsRejected = 0;
  /** Of all but replication, which has its own (`stat_net_repl_input_bytes` in server.h). */
  netInputBytes = 0;
  netOutputBytes = 0;
  /** From our master: its RDB and its stream. */
  replInputBytes = 0;
  /** To all our replicas together: the RDB and the stream. */
  replOutputBytes = 0;
  keyspaceHits = 0;
  keyspaceMisses = 0;
  expiredKeys = 0;
  /** Fields of hashes. */
  expiredFields = 0;
  evictedKeys = 0;
  evictedClients = 0;
  errorReplies = 0;
  /** Commands of our master that failed here: the data differ since. */
  unexpectedErrorReplies = 0;
  peakMemoryBytes = 0;
  /** Walks over the data begun, for what Redis forks: saves, rewrites, full syncs. */
  snapshots = 0;
  // Turns of the event loop in which something was done, and what they took.
  cycles = 0;
  cycleMs = 0;
  commandMs = 0;
  cronMs = 0;
  longestCycleMs = 0;
  mostCommandsInCycle = 0;
  private commandsBeforeCycle = 0;
  /** Code word of error replies → how many. */
  readonly errors = new Map<string, number>();

  noteCycle(ms: number): void {
    this.cycles += 1;
    this.cycleMs += ms;
    this.longestCycleMs = Math.max(this.longestCycleMs, ms);
    this.mostCommandsInCycle = Math.max(
      this.mostCommandsInCycle,
      this.commandsProcessed - this.commandsBeforeCycle,
    );
    this.commandsBeforeCycle = this.commandsProcessed;
  }

  countError(text: string): void {
    this.errorReplies += 1;
    const space = text.indexOf(' ');
    const code = space < 0 ? text : text.slice(0, space);
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}
