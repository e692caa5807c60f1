import { printSchema } from '../topology/json-schema.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';

export default class Schema extends BaseCommand<typeof Schema> {
  static override readonly summary = 'Print the JSON Schema of the topology file, for editors.';
  static override readonly examples = ['<%= config.bin %> schema > topology.schema.json'];

  protected override async execute(): Promise<Outcome> {
    const text = printSchema();
    return { json: { schema: 'replctl.schema/1', topology: JSON.parse(text) as unknown }, text };
  }
}
