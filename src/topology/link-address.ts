import type { NodeSpec } from './model.ts';

/** The address replicas of this node connect to: the announced one where there is one, else its own. */
export function linkAddress(node: NodeSpec): { readonly host: string; readonly port: number } {
  return { host: node.announce?.host ?? node.host, port: node.announce?.port ?? node.port };
}
