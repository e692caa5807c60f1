import * as z from 'zod/mini';
import type { Directive } from '../conf/directive.ts';
import { DIRECTIVES } from '../conf/directives.ts';
import { DERIVED_DIRECTIVES } from './derived-directives.ts';
import { topologySchema } from './raw-topology.ts';

/** The JSON Schema of the topology file, for editors: `replctl schema`, and schema/topology.schema.json. */
export function printSchema(): string {
  const schema = z.toJSONSchema(topologySchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // Editors complete the directives; any other name stays possible, since real engines may know more.
      if (jsonSchema.propertyNames === undefined) return;
      delete jsonSchema.propertyNames;
      jsonSchema.properties = directiveProperties(jsonSchema.additionalProperties);
    },
  });
  const { $schema, ...rest } = schema;
  return `${JSON.stringify({ $schema, $id: 'topology.schema.json', title: 'replctl topology', ...rest }, null, 2)}\n`;
}

type Property = Exclude<z.core.JSONSchema.BaseSchema['additionalProperties'], undefined>;

function directiveProperties(value: Property | undefined): Record<string, Exclude<Property, boolean>> {
  const entries = DIRECTIVES.filter(
    ({ name, kind }) => !DERIVED_DIRECTIVES.has(name) && kind.type !== 'line',
  ).map(
    (directive) =>
      [
        directive.name,
        { allOf: typeof value === 'object' ? [value] : [], description: describeDirective(directive) },
      ] as const,
  );
  return Object.fromEntries(entries);
}

function describeDirective({ kind, defaultValue, runtime }: Directive): string {
  const what = kind.type === 'enum' ? kind.words.join(' | ') : kind.type === 'bool' ? 'yes | no' : kind.type;
  const preset = defaultValue === '' ? '' : `; default ${defaultValue}`;
  return `${what}${preset}${runtime ? '' : '; needs a restart'}`;
}
