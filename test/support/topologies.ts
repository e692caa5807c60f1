import type { NodeId, NodeSpec } from '../../src/topology/model.ts';

/** Declared nodes from child → parent, in the model's order (parents first) when given so; ports from 6379 on. */
export function declareTree(
  tree: Readonly<Record<NodeId, NodeId | null>>,
  extras: (id: NodeId) => Partial<NodeSpec> = () => ({}),
): NodeSpec[] {
  return Object.entries(tree).map(([id, parent], index) => ({
    id,
    parent,
    host: '127.0.0.1',
    port: 6379 + index,
    engine: { kind: 'redis', command: null },
    dir: null,
    bind: [],
    announce: null,
    auth: { password: null, user: null, aclFile: null },
    tls: null,
    templatesDir: null,
    config: new Map(),
    ssh: null,
    ...extras(id),
  }));
}
