import { Args, Flags } from '@oclif/core';
import { renderTopology, writeRendered } from '../render/render-topology.ts';
import { findNode } from '../topology/find-node.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

export default class Render extends BaseCommand<typeof Render> {
  static override readonly summary = 'Show the redis.conf of each node, or write them all into a folder.';
  static override readonly description =
    'Passwords are masked on the screen. Written files hold them, and are readable by their owner only.';
  static override readonly examples = [
    '<%= config.bin %> render 6380',
    '<%= config.bin %> render --out ./rendered',
  ];
  static override readonly args = { node: Args.string({ ignoreStdin: true, description: 'only this node' }) };
  static override readonly flags = {
    out: Flags.string({
      char: 'o',
      helpValue: '<dir>',
      summary: 'Write <dir>/<node>.conf instead of showing.',
    }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    if (this.flags.out !== undefined) {
      const files = await writeRendered(topology, this.flags.out);
      return { json: { schema: 'replctl.render/1', files }, text: files.join('\n') };
    }
    const only = this.args.node === undefined ? undefined : findNode(topology, this.args.node).id;
    const rendered = (await renderTopology(topology)).filter(
      ({ node }) => only === undefined || node.id === only,
    );
    return {
      json: { schema: 'replctl.render/1', nodes: rendered.map(({ node, conf }) => ({ id: node.id, conf })) },
      text: rendered
        .map(({ node, conf }) =>
          only === undefined ? `${this.theme.strong(`# ── ${node.id} ──`)}\n${conf}` : conf,
        )
        .join('\n'),
    };
  }
}
