import { ReplctlError } from '../errors.ts';
import type { TopologyProblem } from './model.ts';
import type { Path } from './yaml-source.ts';

/** `['replicas', 0, 'port']` → `replicas[0].port`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${String(step)}]` : index === 0 ? step : `.${step}`))
    .join('');
}

/** `topology.yaml:9:11 replicas[0].port: expected a port, got "63x80"`, with its lines of the file below it. */
export function formatProblem(problem: TopologyProblem, label: string, text: string): string {
  const { line, column, path, message, hint } = problem;
  const where = line === null ? label : `${label}:${String(line)}:${String(column)}`;
  const head = `${where}${path === '' ? '' : ` ${path}`}: ${message}${hint === null ? '' : ` (${hint})`}`;
  return line === null ? head : `${head}\n${codeFrame(text, line, column ?? 1)}`;
}

/** All problems of a file as the one error that commands throw. */
export function topologyError(
  problems: readonly TopologyProblem[],
  label: string,
  text: string,
): ReplctlError {
  const sorted = [...problems].sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
  const body = sorted.map((problem) => formatProblem(problem, label, text)).join('\n');
  const message = sorted.length === 1 ? body : `${String(sorted.length)} problems in ${label}\n${body}`;
  return new ReplctlError('TOPOLOGY_INVALID', message, { details: { file: label, problems: sorted } });
}

const MAX_WIDTH = 100;

/** A secret that somebody wrote into the file itself must not be repeated on the screen. */
const PLAIN_SECRET = /((?:password|requirepass|masterauth|-pass)["']?[ \t]*:[ \t]*)(?![ \t{\r\n#])[^\r\n]+/gi;

function codeFrame(text: string, line: number, column: number): string {
  const lines = text.replace(PLAIN_SECRET, '$1***').split(/\r?\n/);
  const first = Math.max(1, line - 1);
  const last = Math.min(lines.length, line + 1);
  const width = String(last).length;
  const frame: string[] = [];
  for (let number = first; number <= last; number++) {
    const source = (lines[number - 1] ?? '').replace(/\t/g, ' ').slice(0, MAX_WIDTH);
    if (number !== line && source.trim() === '') continue;
    frame.push(`${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${source}`.trimEnd());
    if (number === line && column <= MAX_WIDTH)
      frame.push(`  ${' '.repeat(width)} | ${' '.repeat(column - 1)}^`);
  }
  return frame.join('\n');
}
