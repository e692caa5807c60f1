/** What is allowed before a figure becomes a finding. */
export interface Limits {
  /** Behind its parent. */
  readonly lagBytes: number;
  /** Received but not processed. */
  readonly applyBacklogBytes: number;
  /** Since the last acknowledgement; replicas acknowledge every second. */
  readonly ackSeconds: number;
  /** Used of `maxmemory`. */
  readonly memoryShare: number;
  /** How many times a usual reconnect's worth of writes the backlog must hold. */
  readonly backlogHeadroom: number;
}

export const LIMITS: Limits = {
  lagBytes: 1024 * 1024,
  applyBacklogBytes: 1024 * 1024,
  ackSeconds: 5,
  memoryShare: 0.9,
  backlogHeadroom: 10,
};
