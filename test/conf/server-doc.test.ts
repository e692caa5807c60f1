import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIRECTIVES } from '../../src/conf/directives.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const DOC = path.join(ROOT, 'docs', 'server.md');
const BEGIN = '<!-- directives without effect: written by test/conf/server-doc.test.ts with UPDATE=1 -->';
const END = '<!-- end of directives without effect -->';

function inertList(): string {
  const byReason = new Map<string, string[]>();
  for (const { name, inert } of DIRECTIVES)
    if (inert !== undefined) byReason.set(inert, [...(byReason.get(inert) ?? []), name]);
  const listed = [...byReason].map(
    ([reason, names]) => `- ${names.map((name) => `\`${name}\``).join(', ')}: ${reason}`,
  );
  return listed.join('\n');
}

function serverSource(): string {
  const folder = path.join(ROOT, 'src', 'server');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('\n');
}

describe('docs/server.md', () => {
  it('lists the directives without effect', () => {
    const text = readFileSync(DOC, 'utf8');
    const [before = '', rest = ''] = text.split(BEGIN);
    const [, after = ''] = rest.split(END);
    const wanted = `${before}${BEGIN}\n\n${inertList()}\n\n${END}${after}`;
    if (process.env['UPDATE'] === '1') writeFileSync(DOC, wanted);
    expect(readFileSync(DOC, 'utf8'), 'run this test with UPDATE=1').toBe(wanted);
  });

  it('says of no other directive that it has effect', () => {
    const source = serverSource();
    const unused = DIRECTIVES.filter(({ inert, kind }) => inert === undefined && kind.type !== 'line')
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('tls-'))
      .filter((name) => !source.includes(`'${name}'`));
    expect(
      unused,
      'read by nothing in src/server: give it effect, or say in directives.ts why it has none',
    ).toEqual([]);
  });
});
