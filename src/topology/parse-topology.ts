import path from 'node:path';
import { buildNodes } from './build-model.ts';
import { checkNodes } from './check-model.ts';
import { checkShape, type PathProblem } from './check-shape.ts';
import { formatPath } from './format-problem.ts';
import type { Topology, TopologyProblem } from './model.ts';
import { parseYamlSource, type Path, type YamlSource } from './yaml-source.ts';

export interface ParseOptions {
  /** Absolute path of the file the text is from: relative paths and the state folder start beside it. */
  readonly file: string;
  /** Whether a folder can be read; asked for every `templates`. */
  readonly isReadableFolder?: (folder: string) => boolean;
}

export interface ParsedTopology {
  /** Null when there are problems. */
  readonly topology: Topology | null;
  readonly problems: readonly TopologyProblem[];
  readonly warnings: readonly TopologyProblem[];
}

/** Reads the text of a topology file into the model. Never throws: every problem is returned, in file order. */
export function parseTopology(text: string, options: ParseOptions): ParsedTopology {
  const source = parseYamlSource(text);
  if (source.problems.length > 0) return { topology: null, problems: source.problems, warnings: [] };
  const shape = checkShape(source.value);
  if (!shape.ok) return { topology: null, problems: place(shape.problems, source, (at) => at), warnings: [] };

  const problems: PathProblem[] = [];
  const warnings: PathProblem[] = [];
  const folder = path.dirname(options.file);
  const name = shape.raw.name ?? nameFromFolder(folder);
  const stateDir = path.join(folder, '.replctl', name);
  const nodes = buildNodes(shape.raw, {
    folder,
    writtenAt: (at) => source.writtenAt(at),
    problems,
    warnings,
  });
  const checked = checkNodes(nodes, stateDir);
  problems.push(...checked.problems, ...checkTemplates(nodes, options));
  warnings.push(...checked.warnings);

  const placedWarnings = place(warnings, source);
  if (problems.length > 0)
    return { topology: null, problems: place(problems, source), warnings: placedWarnings };
  const topology: Topology = {
    name,
    file: options.file,
    stateDir,
    nodes: Object.freeze(nodes.map(({ spec }) => Object.freeze(spec))),
    warnings: placedWarnings,
  };
  return { topology: Object.freeze(topology), problems: [], warnings: placedWarnings };
}

/** The folder's name where it can serve as one, else `default`. */
export function nameFromFolder(folder: string): string {
  const name = path.basename(folder);
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) ? name : 'default';
}

function checkTemplates(
  nodes: ReturnType<typeof buildNodes>,
  { isReadableFolder = () => true }: ParseOptions,
): PathProblem[] {
  return nodes.flatMap(({ spec, path: at }) =>
    spec.templatesDir === null || isReadableFolder(spec.templatesDir)
      ? []
      : [
          {
            path: [...at, 'templates'],
            message: `expected a folder that can be read, got ${spec.templatesDir}`,
          },
        ],
  );
}

/** Gives each problem its line and column; one that a default causes on many nodes is told once, at the default. */
function place(
  problems: readonly PathProblem[],
  source: YamlSource,
  find = (at: Path) => findDeclared(at, source),
): TopologyProblem[] {
  const placed = problems.map(({ path: at, atKey = false, message, hint = null }) => {
    const found = find(at);
    return { ...source.locate(found, atKey ? 'key' : 'value'), path: formatPath(found), message, hint };
  });
  const unique = new Map(placed.map((problem) => [JSON.stringify([problem.path, problem.message]), problem]));
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Where a node's key really stands: in the node, else in the defaults, else the node itself, which may be terse. */
function findDeclared(at: Path, source: YamlSource): Path {
  if (source.has(at)) return at;
  const nodeEnd = at.findLastIndex(
    (step, index) => typeof step === 'number' || (step === 'master' && index === 0),
  );
  const inDefaults = ['defaults', ...at.slice(nodeEnd + 1)];
  if (inDefaults.length > 1 && source.has(inDefaults)) return inDefaults;
  let found = at;
  while (found.length > 0 && !source.has(found)) found = found.slice(0, -1);
  return found;
}
