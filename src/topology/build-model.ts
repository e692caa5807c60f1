import path from 'node:path';
import type { PathProblem } from './check-shape.ts';
import type { EngineSpec, NodeId, NodeSpec, SecretRef, SshSpec, TlsSpec } from './model.ts';
import type { RawMaster, RawNode, RawTopology } from './raw-topology.ts';
import { readConfig } from './read-config.ts';
import { isLoopback, splitAddress } from './split-address.ts';
import type { Path } from './yaml-source.ts';

/** A node together with the place in the file that declares it. */
export interface PlacedNode {
  readonly spec: NodeSpec;
  readonly path: Path;
}

export interface BuildContext {
  /** Folder of the topology file, absolute: relative paths on this machine start here. */
  readonly folder: string;
  /** A plain scalar as written in the file, for values whose spelling matters. */
  readonly writtenAt: (path: Path) => string | null;
  readonly problems: PathProblem[];
  readonly warnings: PathProblem[];
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 6379;

type Flat = RawMaster & { readonly replicas?: RawNode['replicas'] };

/** Gives the nodes of a well-formed file, parents before children; what cannot be true becomes a problem. */
export function buildNodes(raw: RawTopology, context: BuildContext): PlacedNode[] {
  const nodes: PlacedNode[] = [];
  const place = (declared: number | string | RawNode, at: Path, parent: NodeId | null): void => {
    const node = expand(declared, at, context);
    if (node === null) return;
    const spec = buildNode(node, raw, at, parent, context);
    nodes.push({ spec, path: at });
    for (const [index, child] of (node.replicas ?? []).entries())
      place(child, [...at, 'replicas', index], spec.id);
  };
  place(raw.master, ['master'], null);
  const master = nodes[0]?.spec.id ?? null;
  for (const [index, child] of (raw.replicas ?? []).entries()) place(child, ['replicas', index], master);
  return nodes;
}

function expand(declared: number | string | RawNode, at: Path, context: BuildContext): Flat | null {
  if (typeof declared === 'number') return { port: declared };
  if (typeof declared !== 'string') return declared;
  const address = splitAddress(declared);
  if (address === null) {
    context.problems.push({
      path: at,
      message: `expected a port from 1 to 65535, got ${JSON.stringify(declared)}`,
    });
    return null;
  }
  return address.host === null ? { port: address.port } : { host: address.host, port: address.port };
}

function buildNode(
  node: Flat,
  raw: RawTopology,
  at: Path,
  parent: NodeId | null,
  context: BuildContext,
): NodeSpec {
  const defaults = raw.defaults ?? {};
  /** The node's own value, else the default; `false` says none. */
  const pick = <Key extends 'password' | 'user' | 'aclfile' | 'tls' | 'templates' | 'ssh'>(key: Key) => {
    const value = node[key] ?? defaults[key];
    return value === undefined || value === false ? null : (value as Exclude<Flat[Key], false | undefined>);
  };
  const host = node.host ?? defaults.host ?? DEFAULT_HOST;
  const port = node.port ?? DEFAULT_PORT;
  const ssh = buildSsh(pick('ssh'), host, context.folder);
  const resolve = (value: string, key: string): string => {
    if (ssh === null || path.posix.isAbsolute(value)) return path.resolve(context.folder, value);
    context.problems.push({
      path: key in node ? [...at, key] : ['defaults', key],
      message: `expected an absolute path on ${host}, got ${JSON.stringify(value)}`,
    });
    return value;
  };
  const aclfile = pick('aclfile');
  const templates = pick('templates');
  const tls = pick('tls');
  const engine = buildEngine(node.engine ?? defaults.engine ?? raw.engine, context.folder, ssh !== null);
  const bind = node.bind ?? defaults.bind ?? [];
  return {
    id: node.name ?? defaultId(host, port),
    host,
    port,
    parent,
    engine,
    dir: node.dir === undefined ? null : resolve(node.dir, 'dir'),
    bind: typeof bind === 'string' ? bind.split(/\s+/) : bind,
    announce: buildAnnounce(node.announce, [...at, 'announce'], context),
    auth: {
      password: buildSecret(pick('password'), context.folder),
      user: pick('user'),
      aclFile: aclfile === null ? null : resolve(aclfile, 'aclfile'),
    },
    tls: tls === null ? null : buildTls(tls, (value) => resolve(value, 'tls')),
    templatesDir: templates === null ? null : path.resolve(context.folder, templates),
    config: readConfig(
      [
        { config: defaults.config, path: ['defaults', 'config'] },
        { config: node.config, path: [...at, 'config'] },
      ],
      engine.kind,
      context,
    ),
    ssh,
  };
}

/** The port on this machine, `<host>-<port>` elsewhere, as a safe file name. */
export function defaultId(host: string, port: number): NodeId {
  return isLoopback(host) ? String(port) : `${host.replace(/[^A-Za-z0-9.-]/g, '_')}-${String(port)}`;
}

function buildEngine(raw: RawTopology['engine'], folder: string, isRemote: boolean): EngineSpec {
  if (raw === undefined || typeof raw === 'string') return { kind: raw ?? 'bundled', command: null };
  const { kind, command = null } = raw;
  const isLocalPath = command?.includes('/') === true && !isRemote;
  return { kind, command: isLocalPath ? path.resolve(folder, command) : command };
}

function buildSecret(raw: { env: string } | { file: string } | null, folder: string): SecretRef | null {
  if (raw === null) return null;
  return 'env' in raw
    ? { kind: 'env', variable: raw.env }
    : { kind: 'file', path: path.resolve(folder, raw.file) };
}

function buildTls(raw: Exclude<Flat['tls'], false | undefined>, resolve: (value: string) => string): TlsSpec {
  return {
    certFile: resolve(raw.cert),
    keyFile: resolve(raw.key),
    caFile: resolve(raw.ca),
    authClients: raw['auth-clients'] ?? true,
  };
}

function buildSsh(
  raw: Exclude<Flat['ssh'], false | undefined> | null,
  host: string,
  folder: string,
): SshSpec | null {
  if (raw === null) return null;
  if (raw === true) return { destination: host, port: null, identityFile: null };
  if (typeof raw === 'string') return { destination: raw, port: null, identityFile: null };
  const { identity = null } = raw;
  // ssh itself knows what `~` is.
  const identityFile =
    identity === null || identity.startsWith('~') ? identity : path.resolve(folder, identity);
  const destination = raw.user === undefined ? (raw.host ?? host) : `${raw.user}@${raw.host ?? host}`;
  return { destination, port: raw.port ?? null, identityFile };
}

function buildAnnounce(raw: Flat['announce'], at: Path, context: BuildContext): NodeSpec['announce'] {
  if (raw === undefined) return null;
  if (typeof raw === 'number') return { host: null, port: raw };
  if (typeof raw === 'object') return { host: raw.host ?? null, port: raw.port ?? null };
  if (/^[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$/.test(raw)) return { host: raw, port: null };
  if (!raw.includes(':') && !/^[0-9]+$/.test(raw)) return { host: raw, port: null };
  const address = splitAddress(raw);
  if (address !== null) return address;
  context.problems.push({
    path: at,
    message: `expected host:port, a host or a port, got ${JSON.stringify(raw)}`,
  });
  return null;
}
