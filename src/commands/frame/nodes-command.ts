import { Args, type Command } from '@oclif/core';
import type { ApplyContext } from '../../apply/context.ts';
import { findNode } from '../../topology/find-node.ts';
import type { Outcome } from './base-command.ts';
import { ChangingCommand } from './changing-command.ts';
import { findTopology } from './find-topology.ts';

/** A verb that changes the nodes it is given: as many as one likes, by name, port or host:port. */
export abstract class NodesCommand<T extends typeof Command> extends ChangingCommand<T> {
  static override readonly strict: boolean = false;
  static override readonly args = {
    nodes: Args.string({ ignoreStdin: true, description: 'names, ports or host:port', required: true }),
  };

  /** Carries the verb out on the nodes with these ids. */
  protected abstract change(
    context: ApplyContext,
    nodes: readonly string[],
    options: { readonly isDryRun: boolean },
  ): Promise<Outcome>;

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const nodes = this.rest.map((word) => findNode(topology, word).id);
    return this.change(this.contextOf(topology), nodes, { isDryRun: this.flags['dry-run'] });
  }
}
