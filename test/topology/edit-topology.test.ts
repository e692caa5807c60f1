import { readFileSync } from 'node:fs';
import path from 'node:path';
import { assert, array, nat, property, record, boolean } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rehangTopology, treeOf, type Tree } from '../../src/topology/change-tree.ts';
import { addNode, chain, move, promote, rehang, removeNode, star } from '../../src/topology/edit-topology.ts';
import type { NodeId, Topology } from '../../src/topology/model.ts';
import { parseTopology } from '../../src/topology/parse-topology.ts';

const FILE = '/srv/demo/topology.yaml';
const EXAMPLE = readFileSync(path.join(import.meta.dirname, '../../topology.example.yaml'), 'utf8');

function load(text: string): Topology {
  const { topology, problems } = parseTopology(text, { file: FILE });
  expect(problems, text).toEqual([]);
  if (topology === null) throw new Error('no topology');
  return topology;
}

const edges = (text: string): string[] =>
  load(text).nodes.map(({ id, parent }) => (parent === null ? id : `${parent}>${id}`));

const DEMO = `# the shop
name: shop

# who takes writes
master: 6379 # the big machine

replicas:
  # close to the master
  - 6380 # fast disk
  # for the reports team
  - port: 6381 # slow disk
    name: reports
    config: {replica-priority: 50} # last choice
    replicas:
      # behind the reports
      - 6382
  # the other building
  - port: 6383
    # it is old
    config:
      maxmemory: 10mb
  # nobody knows
`;

const commentsOf = (text: string): string[] => (text.match(/# ?.*/g) ?? []).map((line) => line.trim()).sort();

describe('promote', () => {
  it('makes a direct replica the master; comments and keys move with their nodes', () => {
    expect(promote(DEMO, FILE, 'reports')).toMatchInlineSnapshot(`
      "# the shop
      name: shop

      # who takes writes
      master:
        # for the reports team
        port: 6381 # slow disk
        name: reports
        config: {replica-priority: 50} # last choice

      replicas:
        # close to the master
        - 6380 # fast disk
        - 6379 # the big machine
        # the other building
        - port: 6383
          # it is old
          config:
            maxmemory: 10mb
        # behind the reports
        - 6382
        # nobody knows
      "
    `);
  });

  it('keeps the terse form', () => {
    const text = 'master: 6379\nreplicas: [6380, 6381]\n';
    expect(promote(text, FILE, '6380')).toBe('master: 6380\nreplicas: [6379, 6381]\n');
    expect(promote(promote(text, FILE, '6380'), FILE, '6379')).toBe(text);
  });

  it('changes nothing else in the example', () => {
    const edited = promote(EXAMPLE, FILE, '6380').split('\n');
    const lines = EXAMPLE.split('\n');
    expect(edited.filter((line, index) => line !== lines[index])).toEqual(['master: 6380', '  - 6379']);
  });

  it('takes a node from any depth', () => {
    expect(edges(promote(DEMO, FILE, '6382'))).toEqual([
      '6382',
      '6382>6380',
      '6382>reports',
      '6382>6383',
      '6382>6379',
    ]);
  });

  it('refuses the master and unknown nodes', () => {
    expect(() => promote(DEMO, FILE, '6379')).toThrow(expect.objectContaining({ code: 'REFUSED' }));
    expect(() => promote(DEMO, FILE, 'nope')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('chain, star and move', () => {
  it('chains all replicas in declared order, and back', () => {
    const text = 'master: 6379\nreplicas: [6380, 6381, 6382]\n';
    const chained = chain(text, FILE);
    expect(edges(chained)).toEqual(['6379', '6379>6380', '6380>6381', '6381>6382']);
    expect(star(chained, FILE)).toBe('master: 6379\nreplicas:\n  - 6380\n  - 6381\n  - 6382\n');
  });

  it('builds exactly the chain that is asked for, in any order', () => {
    expect(edges(chain(DEMO, FILE, ['6382', 'reports', '6380']))).toEqual([
      '6379',
      '6379>6383',
      '6379>6382',
      '6382>reports',
      'reports>6380',
    ]);
    expect(() => chain(DEMO, FILE, ['6380', '6379'])).toThrow(expect.objectContaining({ code: 'REFUSED' }));
    expect(() => chain(DEMO, FILE, ['6380', '6380'])).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('moves one edge', () => {
    expect(move(DEMO, FILE, '6383', '6380')).toMatchInlineSnapshot(`
      "# the shop
      name: shop

      # who takes writes
      master: 6379 # the big machine

      replicas:
        # close to the master
        - port: 6380 # fast disk
          replicas:
            # the other building
            - port: 6383
              # it is old
              config:
                maxmemory: 10mb
        # for the reports team
        - port: 6381 # slow disk
          name: reports
          config: {replica-priority: 50} # last choice
          replicas:
            # behind the reports
            - 6382
        # nobody knows
      "
    `);
    expect(() => move(DEMO, FILE, 'reports', '6382')).toThrow(/ring/);
    expect(() => move(DEMO, FILE, '6380', '6380')).toThrow(/ring/);
    expect(() => move(DEMO, FILE, '6379', '6380')).toThrow(expect.objectContaining({ code: 'REFUSED' }));
    expect(move(DEMO, FILE, '6380', '6379')).toBe(DEMO);
  });

  it('keeps every comment', () => {
    for (const edited of [
      promote(DEMO, FILE, 'reports'),
      promote(DEMO, FILE, '6382'),
      chain(DEMO, FILE),
      star(DEMO, FILE),
      move(DEMO, FILE, '6380', '6383'),
    ])
      expect(commentsOf(edited)).toEqual(commentsOf(DEMO));
  });
});

describe('add and remove', () => {
  it('adds under the master and under a terse replica', () => {
    expect(addNode('master: 6379\n', FILE, 6380, '6379')).toBe('master: 6379\nreplicas: [6380]\n');
    expect(edges(addNode(DEMO, FILE, { port: 6390, name: 'late' }, '6380'))).toContain('6380>late');
    expect(commentsOf(addNode(DEMO, FILE, '10.0.0.9:6379', '6382'))).toEqual(commentsOf(DEMO));
    expect(() => addNode(DEMO, FILE, 6380, '6379')).toThrow(
      expect.objectContaining({ code: 'TOPOLOGY_INVALID' }),
    );
  });

  it('removes a leaf, and a middle node when its replicas may move', () => {
    expect(edges(removeNode(DEMO, FILE, '6382'))).toEqual(['6379', '6379>6380', '6379>reports', '6379>6383']);
    expect(() => removeNode(DEMO, FILE, 'reports')).toThrow(expect.objectContaining({ code: 'REFUSED' }));
    expect(edges(removeNode(DEMO, FILE, 'reports', { rehangReplicas: true }))).toEqual([
      '6379',
      '6379>6380',
      '6379>6383',
      '6379>6382',
    ]);
    expect(() => removeNode(DEMO, FILE, '6379')).toThrow(/is the master/);
    const text = 'master: 6379\nreplicas: [6380]\n';
    expect(addNode(removeNode(text, FILE, '6380'), FILE, 6380, '6379')).toBe(text);
  });
});

it('copies what an alias stands for when its node moves', () => {
  const text = `defaults: {config: &c {maxmemory: 10mb}}
replicas:
  - {port: 6380, name: a, config: &big {maxmemory: 1gb}}
  - {port: 6381, name: b, config: *big}
master: {port: 6379, config: *c}
`;
  const edited = promote(text, FILE, 'b');
  expect(edges(edited)[0]).toBe('b');
  expect(
    load(edited)
      .nodes.find(({ id }) => id === 'a')
      ?.config.get('maxmemory'),
  ).toEqual([['1gb']]);
});

describe('any tree to any tree', () => {
  const shape = record({ parent: nat(), full: boolean(), flow: boolean(), comment: boolean() });
  const shapes = array(shape, { minLength: 1, maxLength: 9 });

  /** A file with the given tree, its nodes terse or full, in block or flow style, with or without a comment. */
  function write(
    nodes: readonly { parent: number; full: boolean; flow: boolean; comment: boolean }[],
  ): string {
    const parentOf = (index: number): number => (nodes[index]?.parent ?? 0) % (index + 1);
    const children = (at: number): number[] =>
      nodes.flatMap((_node, index) => (parentOf(index) === at ? [index + 1] : []));
    const block = (at: number, indent: string): string[] => {
      const node = nodes[at - 1];
      const below = children(at);
      const port = 7000 + at;
      const comment = node?.comment === true ? [`${indent}# about ${String(port)}`] : [];
      const tail = node?.comment === true ? ` # at ${String(port)}` : '';
      if (below.length === 0 && node?.full !== true) return [...comment, `${indent}- ${String(port)}${tail}`];
      const lines = [...comment, `${indent}- port: ${String(port)}${tail}`];
      if (node?.full === true)
        lines.push(`${indent}  name: n${String(port)}`, `${indent}  config: {maxmemory: ${String(at)}mb}`);
      if (below.length > 0 && node?.flow === true && below.every((child) => children(child).length === 0))
        lines.push(
          `${indent}  replicas: [${below.map((child) => `{port: ${String(7000 + child)}}`).join(', ')}]`,
        );
      else if (below.length > 0)
        lines.push(`${indent}  replicas:`, ...below.flatMap((child) => block(child, `${indent}    `)));
      return lines;
    };
    return [
      '# head',
      'master: 7000 # at 7000',
      'replicas:',
      ...children(0).flatMap((at) => block(at, '  ')),
      '# end',
      '',
    ].join('\n');
  }

  function randomTree(topology: Topology, picks: readonly number[]): Tree {
    const ids = topology.nodes.map(({ id }) => id);
    const order: NodeId[] = [];
    const rest = [...ids];
    for (let at = 0; rest.length > 0; at++) order.push(...rest.splice((picks[at] ?? 0) % rest.length, 1));
    return new Map(
      order.map((id, index) => [id, index === 0 ? null : (order[(picks[index + 20] ?? 0) % index] ?? null)]),
    );
  }

  it('means the re-hung model, keeps ids, keys and comments, and comes back', () => {
    assert(
      property(shapes, array(nat(), { minLength: 40, maxLength: 40 }), (nodes, picks) => {
        const text = write(nodes);
        const before = load(text);
        const tree = randomTree(before, picks);
        const edited = rehang(text, FILE, tree);
        const after = load(edited);
        expect(treeOf(after)).toEqual(
          new Map(rehangTopology(before, tree).nodes.map(({ id, parent }) => [id, parent])),
        );
        const bare = (topology: Topology) =>
          Object.fromEntries(topology.nodes.map((node) => [node.id, { ...node, parent: null }]));
        expect(bare(after)).toEqual(bare(before));
        expect(commentsOf(edited), `${text}\n→\n${edited}`).toEqual(commentsOf(text));
        const back = rehang(edited, FILE, treeOf(before));
        expect(Object.fromEntries(treeOf(load(back)))).toEqual(Object.fromEntries(treeOf(before)));
        expect(commentsOf(back)).toEqual(commentsOf(text));
      }),
      { numRuns: 300 },
    );
  });
});
