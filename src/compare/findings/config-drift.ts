import { findDirective } from '../../conf/directives.ts';
import type { Directive } from '../../conf/directive.ts';
import { normaliseLines, normaliseValue } from '../../conf/normalise-value.ts';
import { splitArgs } from '../../conf/split-args.ts';
import type { ConfDirective, LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import type { Scene } from '../scene.ts';
import { isLeftFence } from './unfinished.ts';

/** Told about by rules of their own: relations, passwords, what a process can't be asked about, what replctl writes for its own ends. */
const NOT_COMPARED = new Set([
  'replicaof',
  'requirepass',
  'masterauth',
  'masteruser',
  'user',
  'include',
  'loadmodule',
  'rename-command',
]);

/** Declared directives that differ live or in the conf file, aliases, units and quoting aside. */
export function findConfigDrift(scene: Scene): Finding[] {
  return scene.live.flatMap((node) => {
    const declared = scene.declared.get(node.id);
    if (declared === undefined) return [];
    return [...declared].flatMap(([name, lines]): Finding[] => {
      const directive = findDirective(name);
      if (directive === undefined || directive.secret || NOT_COMPARED.has(directive.name)) return [];
      const wanted = normaliseLines(directive, lines);
      if (!wanted.ok) return [];
      const live = liveValue(node, directive);
      if (live !== null && live !== wanted.value) {
        return isToldElsewhere(scene, node, directive.name, live)
          ? []
          : [drift(node, directive, wanted.value, live)];
      }
      const inFile = fileValue(node.process.conf, directive);
      if (inFile === null || inFile === wanted.value) return [];
      return [edited(node, directive, wanted.value, inFile)];
    });
  });
}

function isToldElsewhere(scene: Scene, node: LiveNode, name: string, live: string): boolean {
  const isErrantWrites = name === 'replica-read-only' && node.info.replication.link?.isReadOnly === false;
  return isErrantWrites || isLeftFence(scene, node.id, name, live);
}

function drift(node: LiveNode, directive: Directive, declared: string, live: string): Finding {
  const { name } = directive;
  const evidence = { directive: name, declared, live };
  return directive.runtime
    ? {
        code: 'ConfigDrift',
        severity: 'warning',
        node: node.id,
        message: `${node.id}: ${name} is ${show(live)}, declared ${show(declared)}`,
        evidence,
        mend: 'replctl up',
      }
    : {
        code: 'RestartNeeded',
        severity: 'warning',
        node: node.id,
        message: `${node.id}: ${name} is ${show(live)}, declared ${show(declared)}, and can change by a restart only`,
        evidence,
        mend: `replctl restart ${node.id}`,
      };
}

function edited(node: LiveNode, { name }: Directive, declared: string, inFile: string): Finding {
  return {
    code: 'ConfFileEdited',
    severity: 'warning',
    node: node.id,
    message: `${node.id}: its conf file says ${name} ${show(inFile)}, declared and live ${show(declared)}: a restart would change it`,
    evidence: { directive: name, declared, confFile: inFile },
    mend: 'replctl up',
  };
}

/** As CONFIG GET shows it, under whichever of its names the server has; null when the server does not know it. */
function liveValue(node: LiveNode, directive: Directive): string | null {
  const names = [directive.name, ...directive.aliases, ...directive.foreignAliases];
  const raw = names.map((name) => node.config.get(name)).find((value) => value !== undefined);
  if (raw === undefined) return null;
  const args = directive.multiple || directive.kind.type === 'special' ? wordsOf(raw) : [raw];
  const value = normaliseValue(directive, args, '');
  return value.ok ? value.value : raw;
}

/** What a restart would read; null when the file leaves the directive to its default, or cannot be read. */
function fileValue(conf: readonly ConfDirective[] | null, directive: Directive): string | null {
  const lines = (conf ?? []).filter(({ name }) => findDirective(name)?.name === directive.name);
  if (lines.length === 0) return null;
  const value = normaliseLines(
    directive,
    lines.map(({ args }) => args),
  );
  return value.ok ? value.value : null;
}

function wordsOf(value: string): readonly string[] {
  if (value === '') return [''];
  const split = splitArgs(value);
  return split.ok ? split.args : value.split(' ');
}

function show(value: string): string {
  return value === '' ? '""' : value;
}
