import { readFileSync } from 'node:fs';
import path from 'node:path';
import { array, assert, boolean, constantFrom, nat, property, record, type Arbitrary } from 'fast-check';
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
  interface Shape {
    readonly parent: number;
    readonly form: 'terse' | 'address' | 'flow map' | 'full';
    readonly isFlowList: boolean;
    readonly comments: number;
    readonly isSpaced: boolean;
  }
  const shape: Arbitrary<Shape> = record({
    parent: nat(),
    form: constantFrom('terse', 'address', 'flow map', 'full'),
    isFlowList: boolean(),
    comments: nat({ max: 15 }),
    isSpaced: boolean(),
  });
  const picks = array(nat(), { minLength: 40, maxLength: 40 });

  /** A file with the given tree: nodes in every form, lists in both styles, comments in every place. */
  function write(nodes: readonly Shape[], { indentSeq = true, newline = '\n' } = {}): string {
    const parentOf = (index: number): number => (nodes[index]?.parent ?? 0) % (index + 1);
    const children = (at: number): number[] =>
      nodes.flatMap((_node, index) => (parentOf(index) === at ? [index + 1] : []));
    const step = indentSeq ? '    ' : '  ';
    const block = (at: number, indent: string): string[] => {
      const node = nodes[at - 1];
      if (node === undefined) return [];
      const port = String(7000 + at);
      const has = (bit: number): boolean => (node.comments & bit) !== 0;
      const below = children(at);
      const above = [
        ...(node.isSpaced ? [''] : []),
        ...(has(1) ? [`${indent}# about ${port}`, `${indent}#   more of ${port}`] : []),
      ];
      const tail = has(2) ? ` # at ${port}` : '';
      const isFlowMap = node.form === 'flow map';
      if (below.length === 0 && node.form === 'terse') return [...above, `${indent}- ${port}${tail}`];
      if (below.length === 0 && node.form === 'address')
        return [...above, `${indent}- 10.0.0.${String(at)}:${port}${tail}`];
      if (below.length === 0 && isFlowMap)
        return [...above, `${indent}- {port: ${port}, name: f${port}}${tail}`];
      const lines = [...above, `${indent}- port: ${port}${tail}`];
      if (has(4)) lines.push(`${indent}  # in ${port}`);
      if (node.form !== 'terse')
        lines.push(`${indent}  name: n${port}`, `${indent}  config: {maxmemory: ${String(at)}mb}`);
      const areLeaves = below.every((child) => children(child).length === 0);
      if (below.length > 0 && node.isFlowList && areLeaves)
        lines.push(
          `${indent}  replicas: [${below.map((child) => (child % 2 === 0 ? String(7000 + child) : `{port: ${String(7000 + child)}}`)).join(', ')}]`,
        );
      else if (below.length > 0) {
        lines.push(`${indent}  replicas:`, ...below.flatMap((child) => block(child, `${indent}${step}`)));
        if (has(8)) lines.push(`${indent}${step}# after those of ${port}`);
      }
      return lines;
    };
    const master =
      nodes[0]?.form === 'full'
        ? ['master:', '  port: 7000 # at 7000', '  config: {maxmemory: 1gb}']
        : ['master: 7000 # at 7000'];
    const lines = [
      '# head',
      'defaults:',
      '  config: {appendonly: no} # both',
      ...master,
      '',
      '# all of them',
      'replicas:',
    ];
    lines.push(...children(0).flatMap((at) => block(at, indentSeq ? '  ' : '')), '# end', '');
    return lines.join(newline);
  }

  function randomTree(topology: Topology, choices: readonly number[]): Tree {
    const order: NodeId[] = [];
    const rest = topology.nodes.map(({ id }) => id);
    for (let at = 0; rest.length > 0; at++) order.push(...rest.splice((choices[at] ?? 0) % rest.length, 1));
    return new Map(
      order.map((id, index) => [
        id,
        index === 0 ? null : (order[(choices[index + 20] ?? 0) % index] ?? null),
      ]),
    );
  }

  const bare = (topology: Topology) =>
    Object.fromEntries(topology.nodes.map((node) => [node.id, { ...node, parent: null }]));

  it('means the re-hung model, keeps ids, keys and comments, and comes back', () => {
    assert(
      property(
        array(shape, { minLength: 1, maxLength: 9 }),
        picks,
        boolean(),
        (nodes, choices, indentSeq) => {
          const text = write(nodes, { indentSeq });
          const before = load(text);
          const tree = randomTree(before, choices);
          const edited = rehang(text, FILE, tree);
          const after = load(edited);
          expect(after.nodes).toEqual(rehangTopology(before, tree).nodes);
          expect(bare(after)).toEqual(bare(before));
          expect(commentsOf(edited), `${text}\n→\n${edited}`).toEqual(commentsOf(text));
          const back = rehang(edited, FILE, treeOf(before));
          expect(Object.fromEntries(treeOf(load(back)))).toEqual(Object.fromEntries(treeOf(before)));
          expect(commentsOf(back), `${edited}\n→\n${back}`).toEqual(commentsOf(text));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('keeps the comments of a node with it', () => {
    assert(
      property(array(shape, { minLength: 1, maxLength: 9 }), picks, (nodes, choices) => {
        const text = write(nodes);
        const edited = rehang(text, FILE, randomTree(load(text), choices));
        const lines = edited.split('\n');
        for (const [index, line] of lines.entries()) {
          const port = /# about (\d+)/.exec(line)?.[1];
          if (port === undefined) continue;
          expect(lines[index + 1], edited).toContain(`# more of ${port}`.replace('# ', '#   '));
          const body = lines.slice(index + 2).filter((below) => !/^ *(#.*)?$/.test(below));
          expect(body.slice(0, 2).join(), `${text}\n→\n${edited}`).toContain(port);
        }
        for (const line of lines) {
          const port = /# at (\d+)/.exec(line)?.[1];
          if (port !== undefined) expect(line.split('#')[0], edited).toContain(port);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('adds and removes any node', () => {
    assert(
      property(array(shape, { minLength: 1, maxLength: 7 }), nat(), boolean(), (nodes, pick, crlf) => {
        const text = write(nodes, { newline: crlf ? '\r\n' : '\n' });
        const before = load(text);
        const under = before.nodes[pick % before.nodes.length]?.id ?? '';
        const more = load(addNode(text, FILE, { port: 9000, name: 'late' }, under));
        expect(more.nodes.find(({ id }) => id === 'late')?.parent).toBe(under);
        expect(bare({ ...more, nodes: more.nodes.filter(({ id }) => id !== 'late') })).toEqual(bare(before));
        const gone = before.nodes[1 + (pick % (before.nodes.length - 1))]?.id ?? '';
        const less = load(removeNode(text, FILE, gone, { rehangReplicas: true }));
        expect(new Set(less.nodes.map(({ id }) => id))).toEqual(
          new Set(before.nodes.map(({ id }) => id).filter((id) => id !== gone)),
        );
      }),
      { numRuns: 150 },
    );
  });
});
