import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { DERIVED_DIRECTIVES } from '../../src/topology/derived-directives.ts';
import { parseTopology } from '../../src/topology/parse-topology.ts';
import { KEYS } from '../../src/topology/raw-topology.ts';

const read = (file: string): string => readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8');
const DOCS = read('docs/topology.md');

it('the example is valid, runs with nothing set, and doubts nothing', () => {
  const { topology, problems, warnings } = parseTopology(read('topology.example.yaml'), {
    file: '/srv/topology.yaml',
  });
  expect([...problems, ...warnings]).toEqual([]);
  expect(topology?.nodes.map(({ port }) => port)).toEqual([6379, 6380, 6381, 6382]);
  expect(
    topology?.nodes.every(({ auth, engine }) => auth.password === null && engine.kind === 'bundled'),
  ).toBe(true);
});

it('the YAML in the reference is valid', () => {
  const blocks = [...DOCS.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  expect(blocks.length).toBeGreaterThan(1);
  for (const block of blocks) {
    const text = block.startsWith('config:') ? `master:\n  port: 6379\n${block.replace(/^/gm, '  ')}` : block;
    expect(parseTopology(text, { file: '/srv/topology.yaml' }).problems).toEqual([]);
  }
});

it('the reference has every key and every derived directive', () => {
  const rows = new Set([...DOCS.matchAll(/^\| `([\w-]+)` /gm)].map(([, key]) => key));
  expect([...KEYS.top, ...KEYS.node].filter((key) => !rows.has(key))).toEqual([]);
  expect([...DERIVED_DIRECTIVES.keys()].filter((name) => !DOCS.includes(`\`${name}\``))).toEqual([]);
});
