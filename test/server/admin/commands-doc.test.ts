import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { manualPages } from '../../../src/server/command/families/command-docs.ts';
import { AdminServer } from './admin-server.ts';

const DOC = path.join(import.meta.dirname, '..', '..', '..', 'docs', 'server.md');
const BEGIN = '<!-- commands: written by test/server/admin/commands-doc.test.ts with UPDATE=1 -->';
const END = '<!-- end of commands -->';

/** Why a command of Redis 7.2 is not there, its subcommands included. */
const NOT_DONE: Readonly<Record<string, string>> = {
  sentinel: 'the Sentinel mode of redis-server is not part of the bundled one; a real Sentinel can watch it',
};
/** Commands that are there to say what a redis-server says which can't do it either. */
const REFUSED: Readonly<Record<string, string>> = {
  cluster: 'the answer of a server outside of a cluster, `ERR This instance has cluster support disabled`',
  asking: 'as CLUSTER',
  readonly: 'as CLUSTER',
  readwrite: 'as CLUSTER',
  'module|load': 'refused as with `enable-module-command no`: modules are native code',
  'module|loadex': 'as MODULE LOAD',
  'module|unload': 'as MODULE LOAD',
};

const { server } = new AdminServer();
const names = [...manualPages().keys()];
const isDone = (name: string): boolean => server.commands.get(name) !== undefined;
const topOf = (name: string): string => name.split('|')[0] ?? name;
const isRefused = (name: string): boolean => name in REFUSED || topOf(name) in REFUSED;
const shown = (name: string): string => `\`${name.toUpperCase().replace('|', ' ')}\``;

/** A line for each group: commands, and in brackets the subcommands of those that have them. */
function listOf(chosen: readonly string[]): string {
  const groups = new Map<string, string[]>();
  for (const name of chosen.filter((one) => !one.includes('|'))) {
    const subcommands = chosen.filter((one) => topOf(one) === name && one !== name);
    const list = subcommands.map((one) => one.slice(name.length + 1).toUpperCase()).join(', ');
    const group = manualPages().get(name)?.group ?? '';
    const text = list === '' ? shown(name) : `${shown(name)} (${list})`;
    groups.set(group, [...(groups.get(group) ?? []), text]);
  }
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, texts]) => `- ${group}: ${texts.join(', ')}`)
    .join('\n');
}

function section(): string {
  const done = names.filter((name) => isDone(name) && !isRefused(name));
  const isOf72 = (name: string): boolean => (manualPages().get(name)?.since ?? '') < '7.4';
  const commands = done.filter(
    (name) => server.commands.get(name)?.subcommands === undefined && isOf72(name),
  );
  const later = done.filter((name) => !isOf72(name));
  const reasons = (from: Readonly<Record<string, string>>): string =>
    Object.entries(from)
      .map(([name, reason]) => `- ${shown(name)}: ${reason}`)
      .join('\n');
  return [
    `Of the commands of Redis 7.2 these do what they do there, ${commands.length} with their subcommands:`,
    listOf(done.filter(isOf72)),
    `Beyond them it knows those for hash fields with a time to live, as Redis 8.0 has them: ${later.map(shown).join(', ')}.`,
    'These are answered, but not carried out:',
    reasons(REFUSED),
    'These are not there:',
    reasons(NOT_DONE),
  ].join('\n\n');
}

describe('commands in docs/server.md', () => {
  it('are listed as the server has them', () => {
    const text = readFileSync(DOC, 'utf8');
    const [before = '', rest = ''] = text.split(BEGIN);
    const [, after = ''] = rest.split(END);
    const wanted = `${before}${BEGIN}\n\n${section()}\n\n${END}${after}`;
    if (process.env['UPDATE'] === '1') writeFileSync(DOC, wanted);
    expect(readFileSync(DOC, 'utf8'), 'run this test with UPDATE=1').toBe(wanted);
  });

  it('are missing only with a reason', () => {
    expect(names.length).toBeGreaterThan(350);
    const missing = names.filter((name) => !isDone(name)).map(topOf);
    expect([...new Set(missing)].toSorted()).toEqual(Object.keys(NOT_DONE).toSorted());
  });

  it('are all in the manual', () => {
    const unknown = [...server.commands.all()]
      .map(({ name }) => name)
      .filter((name) => !names.includes(name));
    expect(unknown).toEqual([]);
  });
});
