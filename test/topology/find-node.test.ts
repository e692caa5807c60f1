import { expect, it } from 'vitest';
import { closestWord } from '../../src/topology/closest-word.ts';
import { findNode } from '../../src/topology/find-node.ts';
import { parseTopology } from '../../src/topology/parse-topology.ts';

const { topology } = parseTopology(
  'master: {port: 6379, name: main}\nreplicas: [6380, "a.example:6381", "b.example:6381"]',
  { file: '/srv/t/topology.yaml' },
);
if (topology === null) throw new Error('no topology');

it.each([
  ['main', 'main'],
  ['6379', 'main'],
  ['localhost:6379', 'main'],
  ['6380', '6380'],
  ['127.0.0.1:6380', '6380'],
  ['a.example:6381', 'a.example-6381'],
  ['b.example-6381', 'b.example-6381'],
])('finds %s', (word, id) => {
  expect(findNode(topology, word).id).toBe(id);
});

it('says what is near, or what there is', () => {
  expect(() => findNode(topology, 'mian')).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: 'did you mean "main"?' }),
  );
  expect(() => findNode(topology, 'quite-else')).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('nodes: main, 6380') }),
  );
  expect(() => findNode(topology, '6381')).toThrow(/several nodes: a\.example-6381, b\.example-6381/);
});

it.each([
  ['replcias', 'replicas'],
  ['confg', 'config'],
  ['maxmemmory', 'maxmemory'],
  ['xyzzy', null],
])('takes %s for %s', (word, meant) => {
  expect(closestWord(word, ['replicas', 'config', 'maxmemory', 'master'])).toBe(meant);
});
