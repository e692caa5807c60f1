import { setTimeout as sleep } from 'node:timers/promises';
import { Args, Flags } from '@oclif/core';
import { openDeployment, type Deployment } from '../apply/deployment.ts';
import { ReplctlError } from '../errors.ts';
import { findNode } from '../topology/find-node.ts';
import type { NodeSpec } from '../topology/model.ts';
import { BaseCommand, fileFlag, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

const TAIL_BYTES = 256 * 1024;
const POLL_MS = 150;

interface Source {
  readonly node: NodeSpec;
  readonly label: string;
  seen: string;
}

export default class Logs extends BaseCommand<typeof Logs> {
  static override readonly summary = 'Show the logs of all nodes, or of some, and follow them.';
  static override readonly examples = [
    '<%= config.bin %> logs',
    '<%= config.bin %> logs -f 6380 reports',
    '<%= config.bin %> logs --lines 200 6379',
  ];
  static override readonly strict = false;
  static override readonly args = {
    nodes: Args.string({ ignoreStdin: true, description: 'names, ports or host:port' }),
  };
  // -f follows here, as everywhere; the topology file is named by --file.
  static override readonly baseFlags = { ...BaseCommand.baseFlags, file: fileFlag('F') };
  static override readonly flags = {
    follow: Flags.boolean({ char: 'f', summary: 'Go on with what is written from now on.' }),
    lines: Flags.integer({
      char: 'n',
      summary: 'So many of the last lines of each node.',
      default: 50,
      min: 0,
    }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    if (this.flags.follow && this.flags.json)
      throw new ReplctlError('USAGE', '--follow has no end, --json needs one');
    const deployment = await openDeployment(topology);
    const nodes = this.rest.length === 0 ? topology.nodes : this.rest.map((word) => findNode(topology, word));
    const width = Math.max(...nodes.map(({ id }) => id.length));
    const sources = nodes.map((node, index): Source => {
      const label =
        nodes.length === 1
          ? ''
          : `${this.theme.source(index, node.id.padEnd(width))} ${this.theme.dim('|')} `;
      return { node, label, seen: '' };
    });
    const last = await Promise.all(sources.map((source) => this.lastLines(deployment, source)));
    if (this.flags.follow) {
      for (const [index, lines] of last.entries()) this.print(sources[index], lines);
      await this.follow(deployment, sources);
      process.exit(0);
    }
    return {
      json: {
        schema: 'replctl.logs/1',
        logs: sources.map(({ node }, index) => ({ node: node.id, lines: last[index] })),
      },
      text: sources.flatMap(({ label }, index) => (last[index] ?? []).map((line) => label + line)).join('\n'),
    };
  }

  private async lastLines(deployment: Deployment, source: Source): Promise<string[]> {
    source.seen = await readTail(deployment, source.node);
    const lines = source.seen.split('\n').filter((line) => line !== '');
    return this.flags.lines === 0 ? [] : lines.slice(-this.flags.lines);
  }

  private async follow(deployment: Deployment, sources: readonly Source[]): Promise<void> {
    while (!this.signal.aborted) {
      for (const source of sources) {
        const now = await readTail(deployment, source.node);
        const fresh = freshPart(source.seen, now);
        const whole = fresh.slice(0, fresh.lastIndexOf('\n') + 1);
        if (whole === '') continue;
        this.print(source, whole.split('\n').slice(0, -1));
        source.seen = now.slice(0, now.length - (fresh.length - whole.length));
      }
      await sleep(POLL_MS, undefined, { signal: this.signal }).catch(() => undefined);
    }
  }

  private print(source: Source | undefined, lines: readonly string[]): void {
    for (const line of lines) process.stdout.write(`${source?.label ?? ''}${line}\n`);
  }
}

async function readTail(deployment: Deployment, node: NodeSpec): Promise<string> {
  const { logFile } = deployment.filesOf(node);
  return (await deployment.hostOf(node.id).readTail(logFile, TAIL_BYTES)) ?? '';
}

/**
 * What `now` has behind all that was seen. Both are ends of one growing file, so the end of what was seen stands
 * somewhere in `now`; where it does not, the file was replaced and all of it is new.
 */
function freshPart(seen: string, now: string): string {
  const mark = seen.slice(-4096);
  const at = mark === '' ? -1 : now.lastIndexOf(mark);
  return at === -1 ? now : now.slice(at + mark.length);
}
