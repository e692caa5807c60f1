import { Command } from '@oclif/core';

export class Init extends Command {
  static override readonly summary = 'Write a commented topology file to start from.';

  override async run(): Promise<void> {
    this.log('not written yet');
  }
}
