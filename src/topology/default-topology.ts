import path from 'node:path';
import type { NodeSpec, Topology } from './model.ts';
import { nameFromFolder } from './parse-topology.ts';

const MASTER_PORT = 6379;
const REPLICA_PORTS = [6380, 6381];

/** What `up` runs when there is no file anywhere: one master and two replicas on the bundled server, in `cwd`. */
export function defaultTopology(cwd: string): Topology {
  const name = nameFromFolder(path.resolve(cwd));
  return {
    name,
    file: null,
    stateDir: path.join(path.resolve(cwd), '.replctl', name),
    nodes: [node(MASTER_PORT, null), ...REPLICA_PORTS.map((port) => node(port, String(MASTER_PORT)))],
    warnings: [],
  };
}

function node(port: number, parent: string | null): NodeSpec {
  return {
    id: String(port),
    host: '127.0.0.1',
    port,
    parent,
    engine: { kind: 'bundled', command: null },
    dir: null,
    bind: [],
    announce: null,
    auth: { password: null, user: null, aclFile: null },
    tls: null,
    templatesDir: null,
    config: new Map(),
    ssh: null,
  };
}
