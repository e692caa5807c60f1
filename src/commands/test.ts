import { selfTest } from '../apply/self-test.ts';
import { EXIT_CODES } from '../errors.ts';
import { formatCount } from '../show/format-quantity.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

const DEFAULT_TIMEOUT_MS = 5000;

export default class Test extends BaseCommand<typeof Test> {
  static override readonly summary = 'See it replicate: write on the master, read everywhere, count keys.';
  static override readonly description =
    'Writes a key that it takes away again, waits for it on every replica, sees that each replica refuses writes, and compares the number of keys. Exits 4 when a check fails.';
  static override readonly examples = ['<%= config.bin %> test', '<%= config.bin %> test --json'];

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const timeoutMs = this.flags.timeout ?? DEFAULT_TIMEOUT_MS;
    const checks = await selfTest(topology, { timeoutMs, signal: this.signal });
    const failed = checks.filter(({ passed }) => !passed).length;
    const lines = checks.map(({ name, node, passed, found }) => {
      const mark = passed ? this.theme.good('ok  ') : this.theme.bad('FAIL');
      return `${mark}  ${node}  ${name}: ${found}`;
    });
    const verdict =
      failed === 0
        ? this.theme.good(`${formatCount(checks.length, 'check')} passed`)
        : this.theme.bad(`${failed} of ${formatCount(checks.length, 'check')} failed`);
    return {
      json: { schema: 'replctl.test/1', passed: failed === 0, checks },
      text: [...lines, verdict].join('\n'),
      exitCode: failed === 0 ? 0 : EXIT_CODES.FINDINGS,
    };
  }
}
