import { ReplctlError } from '../errors.ts';
import type { Theme } from './theme.ts';

/** `--json` form of a failure: `{"schema":"replctl.error/1","error":{…}}`. */
export interface ErrorJson {
  readonly schema: 'replctl.error/1';
  readonly error: {
    readonly code: string;
    readonly exitCode: number;
    readonly message: string;
    readonly hint: string | null;
    readonly details: Readonly<Record<string, unknown>>;
  };
}

export function errorToJson(error: unknown): ErrorJson {
  if (error instanceof ReplctlError) {
    const { code, exitCode, message, hint, details } = error;
    return { schema: 'replctl.error/1', error: { code, exitCode, message, hint: hint ?? null, details } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    schema: 'replctl.error/1',
    error: { code: 'INTERNAL', exitCode: 1, message, hint: REPORT_HINT, details: {} },
  };
}

const REPORT_HINT =
  'This is a bug in replctl. Please report it with the command and the output of --verbose.';

/**
 * A failure for people: what happened, the evidence, then what to try. A bug of ours shows its stack, since its
 * message alone helps nobody.
 */
export function formatError(error: unknown, theme: Theme, isVerbose: boolean): string {
  if (!(error instanceof ReplctlError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${theme.bad('bug:')} ${stack}\n${theme.dim(REPORT_HINT)}`;
  }
  const lines = [`${theme.bad('error:')} ${error.message}`, ...formatDetails(error.details, theme)];
  if (error.hint !== undefined)
    lines.push(`${theme.strong('try:')}   ${error.hint.replaceAll('\n', '\n       ')}`);
  if (isVerbose && error.cause !== undefined) lines.push(theme.dim(`cause: ${describeCause(error.cause)}`));
  return lines.join('\n');
}

function formatDetails(details: Readonly<Record<string, unknown>>, theme: Theme): string[] {
  return Object.entries(details).flatMap(([name, value]) => {
    if (value === undefined || value === null || name === 'problems') return [];
    if (Array.isArray(value))
      return [theme.dim(`  ${name}:`), ...value.map((item) => `    ${formatValue(item)}`)];
    if (typeof value === 'string' && value.includes('\n')) {
      return [theme.dim(`  ${name}:`), ...value.split('\n').map((line) => `    ${line}`)];
    }
    return [`  ${theme.dim(`${name}:`)} ${formatValue(value)}`];
  });
}

function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
