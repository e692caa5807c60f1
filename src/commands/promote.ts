import { Args, Flags } from '@oclif/core';
import type { ChangeResult } from '../apply/change.ts';
import type { ApplyContext } from '../apply/context.ts';
import { candidates, promote, promoteForced } from '../apply/promote.ts';
import { ReplctlError } from '../errors.ts';
import { drawCandidates } from '../show/draw-candidates.ts';
import { findNode } from '../topology/find-node.ts';
import type { NodeId } from '../topology/model.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Promote extends ChangingCommand<typeof Promote> {
  static override readonly summary =
    'Switch the master over to any node of the tree, losing no acknowledged write.';
  static override readonly description =
    'Holds writes back, waits until the node has every byte, demotes the old master before it promotes the new one, and proves by offset that nothing is missing. The old master becomes its direct replica, and so do the old master’s other replicas; everyone else keeps their parent. --timeout is how long writes may be held back; when that is not enough, nothing is changed (exit 18). --force is for a master that is dead: it must be proven dead first.';
  static override readonly examples = [
    '<%= config.bin %> promote 6380',
    {
      description: 'See first what it would do and cost',
      command: '<%= config.bin %> promote reports --dry-run',
    },
    { description: 'The master is dead', command: '<%= config.bin %> promote --candidate auto --force' },
  ];
  static override readonly args = {
    node: Args.string({ ignoreStdin: true, description: 'name, port or host:port' }),
  };
  static override readonly flags = {
    candidate: Flags.string({
      options: ['auto'],
      summary: 'Take the replica that has the most, then the one of the lowest priority number.',
    }),
    force: Flags.boolean({ summary: 'The master is dead: what it had not sent is lost.' }),
    'accept-split-brain': Flags.boolean({
      summary: 'With --force, though the old master cannot be kept from coming back as a master.',
      dependsOn: ['force'],
    }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const context = this.contextOf(topology);
    const named = this.args.node === undefined ? null : findNode(topology, this.args.node).id;
    if ((named === null) === (this.flags.candidate === undefined)) {
      throw new ReplctlError('USAGE', 'name the node to promote, or say --candidate auto', {
        hint: 'replctl promote 6380',
      });
    }
    return this.showChange(await this.promote(context, named));
  }

  private async promote(context: ApplyContext, named: NodeId | null): Promise<ChangeResult> {
    const options = { isDryRun: this.flags['dry-run'], fenceBudgetMs: this.flags.timeout };
    if (this.flags.force) {
      const acceptsSplitBrain = this.flags['accept-split-brain'];
      const result = await promoteForced(context, named, { ...options, acceptsSplitBrain });
      this.say(drawCandidates(result.candidates, this.stderrTheme()));
      return result;
    }
    if (named !== null) return promote(context, named, options);
    const table = await candidates(context);
    this.say(drawCandidates(table, this.stderrTheme()));
    const chosen = table.find(({ isChosen }) => isChosen)?.node;
    if (chosen === undefined) {
      throw new ReplctlError('REFUSED', 'no replica can be promoted: nothing was changed', {
        hint: 'replctl status',
      });
    }
    return promote(context, chosen, options);
  }
}
