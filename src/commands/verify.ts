import { Flags } from '@oclif/core';
import { verify } from '../apply/verify.ts';
import { EXIT_CODES } from '../errors.ts';
import { drawVerify, reportVerify } from '../show/verify-report.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const PROGRESS_EVERY_MS = 1_000;

export default class Verify extends BaseCommand<typeof Verify> {
  static override readonly summary = 'Compare the data itself: every key of every replica with the master.';
  static override readonly description =
    'Compares type, content and expiry of each key, and the set of keys, while writes go on: nothing is paused. Bundled servers digest all they hold at one point of their stream; elsewhere all data is read once per node, in small batches, and a key that is just being written is looked at again until it is known to be equal or different. Exits 4 when something differs. --sample reads some keys only.';
  static override readonly examples = [
    '<%= config.bin %> verify',
    { description: 'About ten thousand keys', command: '<%= config.bin %> verify --sample 10000' },
  ];
  static override readonly flags = {
    sample: Flags.integer({ min: 1, helpValue: '<keys>', summary: 'Compare about so many keys.' }),
    limit: Flags.integer({ min: 1, default: 20, helpValue: '<keys>', summary: 'Name so many that differ.' }),
  };

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    let saidAtMs = Date.now();
    const result = await verify(topology, {
      sample: this.flags.sample ?? null,
      timeoutMs: this.flags.timeout ?? DEFAULT_TIMEOUT_MS,
      signal: this.signal,
      onProgress: (compared, total) => {
        if (Date.now() - saidAtMs < PROGRESS_EVERY_MS) return;
        saidAtMs = Date.now();
        this.say(`${compared} of about ${total} keys compared`);
      },
    });
    const report = reportVerify(result, this.flags.limit);
    return {
      json: { ...report },
      text: drawVerify(report, this.theme),
      exitCode: report.isSame ? 0 : EXIT_CODES.FINDINGS,
    };
  }
}
