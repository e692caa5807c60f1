/** Every way replctl can fail, and the process exit code each way has. The table in README.md is the same list. */
export const EXIT_CODES = {
  /** A bug of ours: anything that is not a ReplctlError. */
  INTERNAL: 1,
  USAGE: 2,
  TOPOLOGY_INVALID: 3,
  /** Live differs from declared, or is unhealthy. */
  FINDINGS: 4,
  NODE_NOT_STARTED: 5,
  /** A node did not answer, or did not get where it should, in time. */
  UNREACHABLE: 6,
  TIMEOUT: 6,
  LOCKED: 7,
  /** Refused or not executed: nothing was changed. */
  REFUSED: 18,
  /** Executed but incomplete: `replctl resume` or `replctl rollback` finishes or undoes it. */
  INCOMPLETE: 22,
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

export interface ErrorExtras {
  /** The command or edit to try next, one line. */
  readonly hint?: string | undefined;
  /** What was measured against what was allowed; lines of a log; positions in a file. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * The one error type that crosses folders.
 *
 * `message` says what happened and where. Foreign errors are wrapped, with `cause`, in the one place that owns the
 * library they come from.
 */
export class ReplctlError extends Error {
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = 'ReplctlError';
    this.code = code;
    this.exitCode = EXIT_CODES[code];
    this.hint = extras.hint;
    this.details = extras.details ?? {};
  }
}
