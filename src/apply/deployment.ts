import type { Host, ProcessIdentity } from '../hosts/host.ts';
import { findHost } from '../hosts/find-host.ts';
import type { Access } from '../observe/access.ts';
import { connect, type Client } from '../observe/client.ts';
import { loadTemplates, type Templates } from '../render/load-templates.ts';
import { renderNode } from '../render/render-node.ts';
import { ReplctlError } from '../errors.ts';
import { withForks, type Fork } from '../plan/lineage.ts';
import type { NodeId, NodeSpec, Topology } from '../topology/model.ts';
import { nodeFiles, type NodeFiles } from '../topology/node-files.ts';
import { readSecrets, type Secrets } from '../topology/secrets.ts';
import { readState, writeState, type NodeState, type State } from './state.ts';

/** A deployment at hand: who belongs to it, how each node is reached, and what is remembered. */
export class Deployment {
  readonly topology: Topology;
  /** The declared nodes and those that were applied and are no longer declared. */
  readonly everyone: Topology;
  /** To the declared nodes. */
  readonly access: Access;
  /** To everyone. */
  readonly accessAll: Access;
  readonly secrets: Secrets;
  private current: State;
  private isDirty = false;
  private readonly templates = new Map<string | null, Promise<Templates>>();

  private constructor(topology: Topology, state: State, secrets: Secrets) {
    this.topology = topology;
    this.current = state;
    this.secrets = secrets;
    this.everyone = withFormerNodes(topology, state);
    this.access = {
      topology,
      hostOf: findHost,
      passwordOf: (node) => secrets.passwordOf(node),
      filesOf: (node) => this.filesOf(node),
      recordedOf: (id) => this.current.nodes[id]?.process ?? null,
    };
    this.accessAll = { ...this.access, topology: this.everyone };
  }

  /** Reads state and secrets; TOPOLOGY_INVALID when a secret is missing. */
  static async open(topology: Topology): Promise<Deployment> {
    const state = await readState(topology.stateDir);
    const secrets = await readSecrets(withFormerNodes(topology, state));
    return new Deployment(topology, state, secrets);
  }

  get state(): State {
    return this.current;
  }

  spec(id: NodeId): NodeSpec {
    const spec = this.everyone.nodes.find((node) => node.id === id);
    if (spec === undefined) throw new ReplctlError('INTERNAL', `no node ${id} in ${this.topology.name}`);
    return spec;
  }

  hostOf(id: NodeId): Host {
    return this.access.hostOf(this.spec(id));
  }

  filesOf(node: NodeSpec): NodeFiles {
    return nodeFiles(this.everyone, node);
  }

  connect(id: NodeId, timeoutMs: number, signal?: AbortSignal): Promise<Client> {
    const spec = this.spec(id);
    return connect(spec, {
      password: this.secrets.passwordOf(spec),
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** The conf text of a node that follows `parent`, with its secrets. */
  async render(id: NodeId, parent: NodeId | null): Promise<string> {
    const spec = { ...this.spec(id), parent };
    const templates = await this.templatesIn(spec.templatesDir);
    return renderNode(this.everyone, spec, { secrets: this.secrets, templates });
  }

  private templatesIn(folder: string | null): Promise<Templates> {
    const loading = this.templates.get(folder) ?? loadTemplates(folder);
    this.templates.set(folder, loading);
    return loading;
  }

  rememberProcess(id: NodeId, process: ProcessIdentity): void {
    this.rememberNode(id, { process, hasSavedAll: false });
  }

  rememberNode(id: NodeId, change: Partial<NodeState>): void {
    const before = this.current.nodes[id] ?? {
      host: this.spec(id).host,
      runId: null,
      process: null,
      hasSavedAll: false,
      confHash: null,
    };
    this.remember({ nodes: { ...this.current.nodes, [id]: { ...before, ...change } } });
  }

  remember(change: Partial<State>): void {
    this.current = { ...this.current, ...change };
    this.isDirty = true;
  }

  /** Histories that were seen to come out of others: what a stopped node's files are worth is told by them. */
  rememberForks(seen: readonly Fork[]): void {
    const lineage = withForks(this.current.lineage, seen);
    if (lineage !== this.current.lineage) this.remember({ lineage });
  }

  /** Puts what was remembered since the last time on the disk. */
  async save(): Promise<void> {
    if (!this.isDirty) return;
    this.isDirty = false;
    await writeState(this.topology.stateDir, this.current);
  }
}

/** Reads state and secrets. Changes nothing. Throws TOPOLOGY_INVALID when a secret is missing. */
export function openDeployment(topology: Topology): Promise<Deployment> {
  return Deployment.open(topology);
}

function withFormerNodes(declared: Topology, { applied }: State): Topology {
  const former = (applied?.nodes ?? []).filter(({ id }) => !declared.nodes.some((node) => node.id === id));
  return former.length === 0 ? declared : { ...declared, nodes: [...declared.nodes, ...former] };
}
