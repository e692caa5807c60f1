import { Args } from '@oclif/core';
import { openDeployment } from '../apply/deployment.ts';
import { runInteractive } from '../hosts/run-interactive.ts';
import { findNode } from '../topology/find-node.ts';
import type { NodeSpec } from '../topology/model.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';
import { runRepl } from './frame/run-repl.ts';

const TIMEOUT_MS = 10_000;
const NOT_INSTALLED = 127;

export default class Cli extends BaseCommand<typeof Cli> {
  static override readonly summary = 'Open a Redis prompt on a node.';
  static override readonly description =
    'Runs redis-cli or valkey-cli when one is installed, the password handed over by the environment; else a small prompt of its own. Without a node: the declared master.';
  static override readonly examples = ['<%= config.bin %> cli', '<%= config.bin %> cli 6380'];
  static override readonly args = {
    node: Args.string({ ignoreStdin: true, description: 'name, port or host:port' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const deployment = await openDeployment(topology);
    const node = this.args.node === undefined ? topology.nodes[0] : findNode(topology, this.args.node);
    if (node === undefined) return { json: { schema: 'replctl.cli/1' }, text: '' };
    const password = deployment.secrets.passwordOf(node);
    const env = password === null ? {} : { REDISCLI_AUTH: password };
    for (const binary of ['redis-cli', 'valkey-cli']) {
      const exitCode = await runInteractive([binary, ...connectionArgs(node)], env);
      if (exitCode !== NOT_INSTALLED)
        return { json: { schema: 'replctl.cli/1', exitCode }, text: '', exitCode };
    }
    const client = await deployment.connect(node.id, this.flags.timeout ?? TIMEOUT_MS, this.signal);
    try {
      await runRepl(client, `${node.id}> `, this.signal);
    } finally {
      client.close();
    }
    return { json: { schema: 'replctl.cli/1', exitCode: 0 }, text: '' };
  }
}

function connectionArgs({ host, port, auth, tls }: NodeSpec): string[] {
  const user = auth.user === null ? [] : ['--user', auth.user];
  const secure =
    tls === null ? [] : ['--tls', '--cacert', tls.caFile, '--cert', tls.certFile, '--key', tls.keyFile];
  return ['-h', host, '-p', String(port), ...user, ...secure];
}
