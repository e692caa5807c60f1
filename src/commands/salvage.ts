import { Args, Flags } from '@oclif/core';
import { reattach, salvage, type SalvageResult } from '../apply/salvage.ts';
import { saveCommands } from '../apply/save-commands.ts';
import { EXIT_CODES } from '../errors.ts';
import { formatCount } from '../show/format-quantity.ts';
import { drawSalvage, reportSalvage } from '../show/salvage-report.ts';
import { findNode } from '../topology/find-node.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Salvage extends ChangingCommand<typeof Salvage> {
  static override readonly summary = 'Read back the writes that a former master took alone.';
  static override readonly description =
    'After a promotion that the old master did not hear of, it may hold writes that nobody else has. They are read out of its backlog, byte for byte, and listed as commands, with the keys that were written on both sides. Nothing is changed unless --replay sends them to the master, in order, or --reattach makes the node a replica again, which throws away what was not replayed and asks first.';
  static override readonly examples = [
    '<%= config.bin %> salvage 6379',
    {
      description: 'Keep them, in a form redis-cli --pipe takes',
      command: '<%= config.bin %> salvage 6379 --out lost.resp',
    },
    {
      description: 'Give them to the master, then re-attach',
      command: '<%= config.bin %> salvage 6379 --replay --reattach',
    },
  ];
  static override readonly args = {
    node: Args.string({ required: true, ignoreStdin: true, description: 'name, port or host:port' }),
  };
  static override readonly flags = {
    replay: Flags.boolean({
      default: false,
      summary: 'Send the recovered commands to the master, in order.',
    }),
    reattach: Flags.boolean({ default: false, summary: 'Make the node a replica again afterwards.' }),
    out: Flags.string({
      helpValue: '<path>',
      summary: 'Write the recovered commands to a file that only you can read.',
    }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const context = this.contextOf(topology);
    const node = findNode(topology, this.args.node).id;
    const isDryRun = this.flags['dry-run'];
    const found = await salvage(context, node, {
      replays: this.flags.replay && !isDryRun,
      reattaches: false,
    });
    const out = this.flags.out ?? null;
    if (out !== null) await saveCommands(out, found.commands);
    const isWanted = this.flags.reattach && !isDryRun;
    const isReattached = isWanted && (await this.mayLose(found));
    if (isReattached) await reattach(context, node, found.toOffset);
    await this.endProgress();
    const report = reportSalvage({ ...found, isReattached }, out);
    return {
      json: { ...report },
      text: drawSalvage(report, this.theme),
      exitCode: isWanted && !isReattached ? EXIT_CODES.REFUSED : 0,
    };
  }

  private async mayLose({ node, commands, replayed, lostBytes }: SalvageResult): Promise<boolean> {
    const left = commands.length - replayed;
    if (left === 0 && lostBytes === 0) return true;
    const what = `${formatCount(left, 'command')} and ${formatCount(lostBytes, 'byte')} before them, which only ${node} has`;
    if (await this.consent(`Re-attach ${node} and throw away ${what}?`)) return true;
    this.say(`${node} was not re-attached: that would throw away ${what}; --replay keeps them, --yes agrees`);
    return false;
  }
}
