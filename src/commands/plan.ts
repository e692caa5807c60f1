import { Args, Flags } from '@oclif/core';
import type { ChangeWish } from '../apply/change.ts';
import type { ApplyContext } from '../apply/context.ts';
import { wishAdd, wishRemove } from '../apply/membership.ts';
import { plan, planRestartAhead, type PlanFile } from '../apply/plan-file.ts';
import { wishForced, wishPromote } from '../apply/promote.ts';
import { wishChain, wishMove, wishStar } from '../apply/rearrange.ts';
import { writeDurably } from '../apply/write-durably.ts';
import { ReplctlError } from '../errors.ts';
import { drawPlan } from '../show/change-report.ts';
import { findNode } from '../topology/find-node.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import type { Outcome } from './frame/base-command.ts';
import { ChangingCommand } from './frame/changing-command.ts';
import { findTopology } from './frame/find-topology.ts';
import { reportChange } from './frame/report-change.ts';

const VERBS = ['up', 'promote', 'chain', 'move', 'add', 'remove', 'restart'] as const;
type PlannedVerb = (typeof VERBS)[number];

export default class Plan extends ChangingCommand<typeof Plan> {
  static override readonly summary =
    'Show what a verb would do (`up` unless named), step by step, and what each edge will cost.';
  static override readonly description =
    'Reads only. Each step says what it changes, what it checks and how it is undone. With --out the plan becomes a contract: `apply` carries out exactly that, or nothing when what is live has changed since.';
  static override readonly examples = [
    '<%= config.bin %> plan',
    '<%= config.bin %> plan -o plan.json && <%= config.bin %> apply plan.json',
    '<%= config.bin %> plan promote 6381 -o plan.json',
    '<%= config.bin %> plan move 6382 --under 6380',
    '<%= config.bin %> plan chain --star',
    '<%= config.bin %> plan restart 6380 6381 -o plan.json',
  ];
  static override readonly strict = false;
  static override readonly args = {
    verb: Args.string({
      ignoreStdin: true,
      description: `${VERBS.join(', ')}, then what that verb takes; or the topology file, for up`,
    }),
  };
  static override readonly flags = {
    out: Flags.string({ char: 'o', helpValue: '<file>', summary: 'Write the plan into a file for `apply`.' }),
    under: Flags.string({ char: 'u', helpValue: '<node>', summary: 'For move and add: the parent.' }),
    star: Flags.boolean({ summary: 'For chain: hang every replica under the master.' }),
    rehang: Flags.boolean({ summary: 'For remove: hang its replicas under its parent.' }),
    force: Flags.boolean({ summary: 'For promote: the master is dead.' }),
    'accept-split-brain': Flags.boolean({
      summary: 'For promote --force: though the old master cannot be kept from coming back as a master.',
      dependsOn: ['force'],
    }),
    'restore-roles': Flags.boolean({ summary: 'For up: switch back a promotion that was made elsewhere.' }),
    'discard-diverged': Flags.boolean({
      summary: 'For up: throw away the writes that only a second master took.',
    }),
  };

  protected override async execute(): Promise<Outcome> {
    const [first, ...rest] = this.rest;
    const verb = VERBS.find((known) => known === first) ?? null;
    const file = verb === null ? first : undefined;
    const topology = await findTopology(file ?? this.flags.file);
    const made = await this.make(verb ?? 'up', verb === null ? [] : rest, this.contextOf(topology));
    if (this.flags.out !== undefined)
      await writeDurably(this.flags.out, `${JSON.stringify(made, null, 2)}\n`);
    const report = reportChange({ plan: made.plan, report: null, topology, epoch: 0 }, true, null);
    const written =
      this.flags.out === undefined ? '' : `\nwritten: ${this.flags.out}; replctl apply ${this.flags.out}`;
    return { json: { ...report, out: this.flags.out ?? null }, text: drawPlan(report, this.theme) + written };
  }

  private async make(verb: PlannedVerb, words: readonly string[], context: ApplyContext): Promise<PlanFile> {
    const { topology } = context;
    if (verb === 'restart') {
      return planRestartAhead(
        context,
        some(verb, words).map((word) => findNode(topology, word).id),
      );
    }
    if (verb === 'promote' && this.flags.force) {
      const target = findNode(topology, one(verb, words)).id;
      const options = {
        fenceBudgetMs: this.flags.timeout,
        acceptsSplitBrain: this.flags['accept-split-brain'],
      };
      return plan(context, (await wishForced(context, target, options)).wish);
    }
    return plan(context, this.wishOf(verb, words, topology));
  }

  private wishOf(
    verb: Exclude<PlannedVerb, 'restart'>,
    words: readonly string[],
    topology: Topology,
  ): ChangeWish {
    const { under, star, rehang, timeout } = this.flags;
    const node = (word: string): NodeId => findNode(topology, word).id;
    switch (verb) {
      case 'up':
        return {
          verb: 'up',
          edit: null,
          options: {
            startsNodes: true,
            allowsRemoval: true,
            restoresRoles: this.flags['restore-roles'],
            discardsDiverged: this.flags['discard-diverged'],
          },
        };
      case 'promote':
        return wishPromote(topology, node(one(verb, words)), { fenceBudgetMs: timeout });
      case 'chain':
        return star ? wishStar(topology) : wishChain(topology, words.map(node));
      case 'move':
        return wishMove(topology, node(one(verb, words)), node(named('--under', under)));
      case 'add':
        return wishAdd(one(verb, words), under === undefined ? (topology.nodes[0]?.id ?? '') : node(under));
      case 'remove':
        return wishRemove(node(one(verb, words)), rehang, true);
    }
  }
}

function one(verb: string, words: readonly string[]): string {
  const [word, ...more] = words;
  if (word !== undefined && more.length === 0) return word;
  throw new ReplctlError('USAGE', `plan ${verb} takes one node, got ${words.length}`, {
    hint: `replctl ${verb} --help`,
  });
}

function some(verb: PlannedVerb, words: readonly string[]): readonly string[] {
  if (words.length > 0) return words;
  throw new ReplctlError('USAGE', `plan ${verb} takes nodes, got none`, { hint: `replctl ${verb} --help` });
}

function named(flag: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new ReplctlError('USAGE', `${flag} is missing`, { hint: 'replctl plan --help' });
}
