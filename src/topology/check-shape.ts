import * as z from 'zod/mini';
import { closestWord } from './closest-word.ts';
import { describeValue } from './describe-value.ts';
import type { EngineKind } from './model.ts';
import { KEYS, topologySchema, type RawTopology } from './raw-topology.ts';
import type { Path } from './yaml-source.ts';

z.config(z.locales.en());

/** A problem by its place in the value; the YAML source turns the path into line and column. */
export interface PathProblem {
  readonly path: Path;
  /** Point at the key, not at its value. */
  readonly atKey?: boolean;
  readonly message: string;
  readonly hint?: string | null;
}

/** Checks names, types and forms; what the values mean is for `build-model.ts`. */
export function checkShape(
  value: unknown,
):
  | { readonly ok: true; readonly raw: RawTopology }
  | { readonly ok: false; readonly problems: PathProblem[] } {
  const result = topologySchema.safeParse(value);
  if (result.success) return { ok: true, raw: result.data };
  return { ok: false, problems: result.error.issues.flatMap((issue) => explain(issue, [], value)) };
}

type Issue = z.core.$ZodIssue;

function explain(issue: Issue, base: Path, root: unknown): PathProblem[] {
  const path: Path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => explainUnknownKey(key, path));
  if (issue.code === 'invalid_union') {
    const branch = meantBranch(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => explain(inner, path, root));
  }
  return [{ path, message: `${issue.message}, got ${describeFound(path, root)}`, hint: hintFor(path, root) }];
}

/** Of a union, the branch whose type fits what was found: the one that complains about more than the type. */
function meantBranch(branches: readonly Issue[][]): Issue[] | undefined {
  const fitting = branches.filter((issues) => issues.some((issue) => !isTypeMismatch(issue)));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

function isTypeMismatch(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

function explainUnknownKey(key: string, path: Path): PathProblem {
  const known = knownKeys(path);
  const near = closestWord(key, known);
  const isShared = path.length === 0 && KEYS.defaults.includes(key);
  const hint =
    key === '<<'
      ? 'merge keys are not part of this language: use "defaults"'
      : key === 'replicas' && path[0] === 'master'
        ? `the replicas of the master stand at the top of the file, beside "master"`
        : isShared
          ? `"${key}" belongs to a node, or to "defaults" for all of them`
          : near === null
            ? `known here: ${known.join(', ')}`
            : `did you mean "${near}"?`;
  return { path: [...path, key], atKey: true, message: `unknown key "${key}"`, hint };
}

function knownKeys(path: Path): readonly string[] {
  const last = path.at(-1);
  if (last === undefined) return KEYS.top;
  if (typeof last === 'string' && last in KEYS) return KEYS[last as keyof typeof KEYS];
  return KEYS.node;
}

function describeFound(path: Path, root: unknown): string {
  const value = valueAt(path, root);
  if (path.includes('password') && typeof value !== 'object') return 'a plain value';
  return describeValue(value);
}

function hintFor(path: Path, root: unknown): string | null {
  const value = valueAt(path, root);
  const near = path.at(-1) === 'engine' && typeof value === 'string' ? closestWord(value, ENGINES) : null;
  if (near !== null) return `did you mean "${near}"?`;
  if (path.length === 0 || path[0] !== 'master' || path.length > 1) return null;
  return Array.isArray(value) ? 'one master takes the writes; put the others under "replicas"' : null;
}

const ENGINES: readonly EngineKind[] = ['bundled', 'redis', 'valkey'];

function valueAt(path: Path, root: unknown): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, step) : undefined),
    root,
  );
}
