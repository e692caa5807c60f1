import type { NodeSpec } from '../topology/model.ts';
import type { Host } from './host.ts';
import { localHost } from './local-host.ts';
import { sshHost } from './ssh-host.ts';

const sshHosts = new Map<string, Host>();

/** The machine a node lives on: this one unless the node says how to reach another. */
export function findHost({ ssh }: Pick<NodeSpec, 'ssh'>): Host {
  if (ssh === null) return localHost;
  const key = JSON.stringify(ssh);
  const host = sshHosts.get(key) ?? sshHost(ssh);
  sshHosts.set(key, host);
  return host;
}
