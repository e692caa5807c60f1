import path from 'node:path';
import type { NodeSpec, Topology } from './model.ts';

/** Where a node keeps its files, absolute on its own machine. */
export interface NodeFiles {
  /** Conf, log and pidfile; `replctl down --wipe` removes it. */
  readonly home: string;
  /** RDB and AOF; the home unless `dir` is declared. */
  readonly dataDir: string;
  readonly confFile: string;
  readonly logFile: string;
  readonly pidFile: string;
}

/** The files of a node below `home`, by default `<state folder>/nodes/<id>`. */
export function nodeFiles(
  topology: Topology,
  node: NodeSpec,
  home: string = path.join(topology.stateDir, 'nodes', node.id),
): NodeFiles {
  return {
    home,
    dataDir: node.dir ?? home,
    confFile: path.join(home, 'redis.conf'),
    logFile: path.join(home, 'redis.log'),
    pidFile: path.join(home, 'redis.pid'),
  };
}
