import ejs, { type TemplateFunction } from 'ejs';
import { parseConf, toByteString } from '../conf/parse-conf.ts';
import { formatLine } from '../conf/quote-value.ts';
import { ReplctlError } from '../errors.ts';
import { DERIVED_DIRECTIVES } from '../topology/derived-directives.ts';
import type { NodeSpec, Topology } from '../topology/model.ts';
import { declareDirectives, type DeclareOptions, type Directives } from './declare-directives.ts';
import type { Templates } from './load-templates.ts';

export interface RenderOptions extends DeclareOptions {
  readonly templates: Templates;
}

/**
 * The redis.conf of one node: flat, commented, every value quoted so that it stays one value.
 *
 * The text is read back before it is returned: a template of the user's that drops or changes a directive replctl
 * derives fails with TOPOLOGY_INVALID, as does one that is not valid EJS.
 */
export function renderNode(topology: Topology, node: NodeSpec, options: RenderOptions): string {
  const directives = declareDirectives(topology, node, options);
  const text = tidy(expand(topology, node, directives, options.templates));
  verify(text, node, directives);
  return text;
}

function expand(topology: Topology, node: NodeSpec, directives: Directives, templates: Templates): string {
  const written = new Set<string>();
  const lines = (...names: string[]): string =>
    names
      .flatMap((name) => {
        written.add(name);
        return (directives.get(name) ?? []).map((args) => formatLine(name, args));
      })
      .join('\n');
  const data: Record<(typeof LOCALS)[number], unknown> = {
    topology,
    node,
    lines,
    has: (name: string) => directives.has(name),
    /** Every directive that no template has written by name. */
    rest: () => lines(...[...directives.keys()].filter((name) => !written.has(name))),
    include: (name: string) => compile(templates, name.replace(/\.ejs$/, ''))(data),
  };
  try {
    return compile(templates, 'redis.conf')(data);
  } catch (error) {
    throw new ReplctlError(
      'TOPOLOGY_INVALID',
      `the conf of ${node.id} cannot be rendered: ${(error as Error).message}`,
      {
        hint: node.templatesDir === null ? undefined : `mend the templates in ${node.templatesDir}`,
        cause: error,
      },
    );
  }
}

/** What templates can use. `include` is ours, so that each file is compiled once and not once a node. */
const LOCALS = ['topology', 'node', 'lines', 'has', 'rest', 'include'] as const;

const compiled = new WeakMap<Templates, Map<string, TemplateFunction>>();

function compile(templates: Templates, name: string): TemplateFunction {
  const known = compiled.get(templates) ?? new Map<string, TemplateFunction>();
  compiled.set(templates, known);
  const ready = known.get(name);
  if (ready !== undefined) return ready;
  const template = templates.get(name);
  if (template === undefined) throw new Error(`there is no template "${name}"`);
  const made = ejs.compile(template, {
    _with: false,
    destructuredLocals: [...LOCALS],
    escape: String,
    filename: `${name}.ejs`,
  });
  known.set(name, made);
  return made;
}

/** Sections whose directives are all absent leave holes behind: no more than one empty line in a row. */
function tidy(text: string): string {
  return `${text
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

function verify(text: string, node: NodeSpec, directives: Directives): void {
  const conf = parseConf({ path: 'redis.conf', content: text });
  const refuse = (what: string): ReplctlError =>
    new ReplctlError('TOPOLOGY_INVALID', `the templates of ${node.id} ${what}`, {
      hint: 'write directives with <%- lines("name") %> and end with <%- rest() %>',
      details: { node: node.id, templates: node.templatesDir },
    });
  if (!conf.ok) throw refuse(`make a conf that cannot be read: ${conf.errors[0]?.message ?? ''}`);
  for (const name of DERIVED_DIRECTIVES.keys()) {
    const wanted = (directives.get(name) ?? []).map((args) => args.map(toByteString));
    const found = conf.lines.filter((line) => line.name === name).map((line) => line.args);
    if (JSON.stringify(wanted) !== JSON.stringify(found)) throw refuse(`drop or change "${name}"`);
  }
}
