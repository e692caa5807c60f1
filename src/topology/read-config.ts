import type { Directive } from '../conf/directive.ts';
import { DIRECTIVES, findDirective } from '../conf/directives.ts';
import { normaliseLines } from '../conf/normalise-value.ts';
import { confText, toByteString } from '../conf/parse-conf.ts';
import { splitArgs } from '../conf/split-args.ts';
import type { BuildContext } from './build-model.ts';
import { closestWord } from './closest-word.ts';
import { DERIVED_DIRECTIVES, NEEDED_COMMANDS } from './derived-directives.ts';
import { describeValue } from './describe-value.ts';
import type { EngineKind, NodeSpec } from './model.ts';
import type { RawConfig } from './raw-topology.ts';
import type { Path } from './yaml-source.ts';

export interface ConfigLayer {
  readonly config: RawConfig | undefined;
  readonly path: Path;
}

type Scalar = string | number | boolean;

/** Merges the `config` maps that hold for one node, the last one winning directive by directive, and checks them. */
export function readConfig(
  layers: readonly ConfigLayer[],
  engine: EngineKind,
  context: BuildContext,
): NodeSpec['config'] {
  const merged = new Map<string, readonly (readonly string[])[]>();
  for (const { config = {}, path } of layers) {
    const seen = new Map<string, string>();
    for (const [written, raw] of Object.entries(config)) {
      const at = [...path, written];
      const directive = findDirective(written);
      const name = directive?.name ?? written.toLowerCase();
      const twin = seen.get(name);
      seen.set(name, written);
      if (twin !== undefined) refuse(context, at, `"${written}" and "${twin}" are the same directive`);
      else if (DERIVED_DIRECTIVES.has(name))
        refuse(context, at, `replctl derives "${written}" itself`, DERIVED_DIRECTIVES.get(name));
      else if (directive === undefined && !isAccepted(written, engine, at, context)) continue;
      else {
        const lines = readLines(raw, directive, at, context);
        if (lines !== null && checkLines(name, lines, directive, at, context)) merged.set(name, lines);
        if (directive !== undefined && isOfOtherEngine(directive, engine))
          context.warnings.push({
            path: at,
            atKey: true,
            message: `"${written}" is a directive of ${directive.family} and later: this node runs ${engine}`,
          });
        if (engine === 'bundled' && directive?.inert !== undefined)
          context.warnings.push({
            path: at,
            atKey: true,
            message: `"${written}" changes nothing in the bundled server: ${directive.inert}`,
          });
      }
    }
  }
  return merged;
}

function refuse(context: BuildContext, path: Path, message: string, hint: string | null = null): void {
  context.problems.push({ path, atKey: true, message, hint });
}

/** A directive missing from the catalogue is wrong on the bundled server; a real one may know more than we do. */
function isAccepted(written: string, engine: EngineKind, path: Path, context: BuildContext): boolean {
  const near = closestWord(written, KNOWN_NAMES);
  const problem = {
    path,
    atKey: true,
    message: `unknown directive ${describeValue(written)}`,
    hint: near === null ? null : `did you mean "${near}"?`,
  };
  const isName = /^[A-Za-z][A-Za-z0-9._-]*$/.test(written);
  if (engine === 'bundled' || !isName) context.problems.push(problem);
  else context.warnings.push(problem);
  return engine !== 'bundled' && isName;
}

const KNOWN_NAMES = DIRECTIVES.flatMap((directive) => [directive.name, ...directive.aliases]).filter(
  (name) => !DERIVED_DIRECTIVES.has(name),
);

/** The node's engine may refuse to start over it, whatever its version. */
function isOfOtherEngine({ family }: Directive, engine: EngineKind): boolean {
  if (engine === 'redis') return family.startsWith('valkey');
  return engine === 'valkey' && family === 'redis 7.4';
}

/** The value as conf lines: one for a plain value; for a list one each, or one in all where lines don't repeat. */
function readLines(
  raw: RawConfig[string],
  directive: Directive | undefined,
  path: Path,
  context: BuildContext,
): string[][] | null {
  if (!Array.isArray(raw)) {
    const args = readArgs(raw, directive, path, context);
    return args === null ? null : [args];
  }
  if (directive === undefined || directive.repeats) {
    const lines = raw.map((item, index) =>
      Array.isArray(item)
        ? item.map((arg, inner) => spell(arg, [...path, index, inner], context))
        : readArgs(item, directive, [...path, index], context),
    );
    return lines.every((line) => line !== null) ? lines : null;
  }
  const words = raw.flatMap((item) => (Array.isArray(item) ? [] : [item]));
  if (directive.multiple && words.length === raw.length)
    return [words.map((item, index) => spell(item, [...path, index], context))];
  context.problems.push({ path, message: `expected one value, got ${describeValue(raw)}` });
  return null;
}

/** A directive with one argument takes the text as it is; others have it split as redis.conf does. */
function readArgs(
  raw: Scalar,
  directive: Directive | undefined,
  path: Path,
  context: BuildContext,
): string[] | null {
  const value = spell(raw, path, context);
  const isSplit = directive === undefined || directive.multiple || directive.repeats;
  if (!isSplit || value === '') return [value];
  const split = splitArgs(toByteString(value.replace(/[\r\n]+/g, ' ')));
  if (split.ok) return split.args.map(confText);
  context.problems.push({
    path,
    message: `expected words as redis.conf has them, got ${describeValue(value)}: ${split.reason}`,
  });
  return null;
}

/** Booleans as yes and no; numbers as they were written where redis.conf can read that. */
function spell(raw: Scalar, path: Path, context: BuildContext): string {
  if (typeof raw === 'boolean') return raw ? 'yes' : 'no';
  if (typeof raw === 'string') return raw;
  const written = context.writtenAt(path);
  return written !== null && /^-?[0-9]+(?:\.[0-9]+)?$/.test(written) ? written : String(raw);
}

function checkLines(
  name: string,
  lines: string[][],
  directive: Directive | undefined,
  path: Path,
  context: BuildContext,
): boolean {
  if (directive === undefined) return true;
  const bytes = lines.map((args) => args.map(toByteString));
  const result = normaliseLines(directive, bytes);
  const renamed =
    name === 'rename-command'
      ? lines.find(([from = '']) => NEEDED_COMMANDS.has(from.toLowerCase()))
      : undefined;
  if (result.ok && renamed === undefined) return true;
  const found = lines.map((args) => args.join(' ')).join(', ');
  const message = result.ok
    ? `expected a command that replctl does not need, got ${describeValue(found)}`
    : `expected a valid "${name}", got ${describeValue(found)}: ${result.error}`;
  context.problems.push({ path, message });
  return false;
}
