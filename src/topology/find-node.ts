import { ReplctlError } from '../errors.ts';
import { closestWord } from './closest-word.ts';
import type { NodeSpec, Topology } from './model.ts';
import { canonicalHost, splitAddress } from './split-address.ts';

/**
 * The node a person means: by id, by `host:port`, or by a port that only one node has.
 *
 * Throws USAGE when there is none, with the nearest name, or when a port fits several.
 */
export function findNode(topology: Topology, word: string): NodeSpec {
  const exact = topology.nodes.find((node) => node.id === word);
  if (exact !== undefined) return exact;
  const address = splitAddress(word);
  const fitting = topology.nodes.filter(
    (node) =>
      node.port === address?.port &&
      (address.host === null || canonicalHost(address.host) === canonicalHost(node.host)),
  );
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  const names = topology.nodes.map((node) => node.id);
  if (only !== undefined)
    throw new ReplctlError(
      'USAGE',
      `${word} is the port of several nodes: ${fitting.map(({ id }) => id).join(', ')}`,
    );
  const near = closestWord(word, names);
  throw new ReplctlError('USAGE', `no node "${word}" in ${topology.name}`, {
    hint: near === null ? `nodes: ${names.join(', ')}` : `did you mean "${near}"?`,
  });
}
