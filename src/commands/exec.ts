import { Args, Flags } from '@oclif/core';
import { openDeployment } from '../apply/deployment.ts';
import { EXIT_CODES, ReplctlError } from '../errors.ts';
import { ErrorReply, type Reply } from '../observe/reply.ts';
import { formatRawReply, formatReply, replyToJson } from '../show/format-reply.ts';
import { findNode } from '../topology/find-node.ts';
import type { NodeSpec, Topology } from '../topology/model.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

const DEFAULT_TIMEOUT_MS = 5000;

interface Answer {
  readonly node: NodeSpec;
  readonly reply: Reply;
}

export default class Exec extends BaseCommand<typeof Exec> {
  static override readonly summary = 'Send one Redis command to one node, to all, or to all replicas.';
  static override readonly description =
    'Without a node: to the declared master. The password is taken from the topology file. Exits 6 when a node cannot be reached, 18 when one answers with an error.';
  static override readonly examples = [
    '<%= config.bin %> exec -- SET greeting hello',
    '<%= config.bin %> exec 6380 -- INFO replication',
    '<%= config.bin %> exec --replicas -- GET greeting',
  ];
  static override readonly strict = false;
  static override readonly args = {
    node: Args.string({ ignoreStdin: true, description: 'name, port or host:port' }),
  };
  static override readonly flags = {
    all: Flags.boolean({ char: 'a', summary: 'To every node.', exclusive: ['replicas'] }),
    replicas: Flags.boolean({ char: 'r', summary: 'To every node but the declared master.' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const command = this.commandWords();
    const nodes = this.targets(topology, this.rest.slice(0, this.rest.length - command.length));
    const answers = await this.ask(topology, nodes, command);
    const isRaw = !process.stdout.isTTY;
    const hasError = answers.some(({ reply }) => reply instanceof ErrorReply);
    return {
      json: {
        schema: 'replctl.exec/1',
        replies: answers.map(({ node, reply }) => ({ node: node.id, reply: replyToJson(reply) })),
      },
      text: answers.map((answer) => this.drawAnswer(answer, isRaw, answers.length > 1)).join('\n'),
      exitCode: hasError ? EXIT_CODES.REFUSED : 0,
    };
  }

  /** What stands behind `--`. oclif takes the mark itself away, so that it is looked for in what was typed. */
  private commandWords(): string[] {
    const mark = this.argv.indexOf('--');
    const words = mark === -1 ? [] : this.argv.slice(mark + 1);
    if (words.length > 0) return words;
    throw new ReplctlError('USAGE', 'no Redis command: it stands behind "--"', {
      hint: 'replctl exec 6380 -- INFO replication',
    });
  }

  private targets(topology: Topology, words: readonly string[]): NodeSpec[] {
    const [master, ...replicas] = topology.nodes;
    if (this.flags.all) return [...topology.nodes];
    if (this.flags.replicas) return replicas;
    if (words.length > 0) return words.map((word) => findNode(topology, word));
    return master === undefined ? [] : [master];
  }

  private async ask(
    topology: Topology,
    nodes: readonly NodeSpec[],
    command: readonly string[],
  ): Promise<Answer[]> {
    const deployment = await openDeployment(topology);
    const timeoutMs = this.flags.timeout ?? DEFAULT_TIMEOUT_MS;
    return Promise.all(
      nodes.map(async (node) => {
        const client = await deployment.connect(node.id, timeoutMs, this.signal);
        try {
          return { node, reply: await client.call(...command) };
        } finally {
          client.close();
        }
      }),
    );
  }

  private drawAnswer({ node, reply }: Answer, isRaw: boolean, isOneOfMany: boolean): string {
    const text = isRaw ? formatRawReply(reply) : formatReply(reply);
    if (!isOneOfMany) return text;
    return text.includes('\n')
      ? `${this.theme.strong(`${node.id}:`)}\n${text}`
      : `${this.theme.strong(`${node.id}:`)} ${text}`;
  }
}
