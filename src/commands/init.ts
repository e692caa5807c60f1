import { BaseCommand, type Outcome } from './base-command.ts';

export class Init extends BaseCommand<typeof Init> {
  static override readonly summary = 'Write a commented topology file to start from.';

  protected override async execute(): Promise<Outcome> {
    return { json: { schema: 'replctl.init/1' }, text: '' };
  }
}
