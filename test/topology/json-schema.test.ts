import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { printSchema } from '../../src/topology/json-schema.ts';

const FILE = path.join(import.meta.dirname, '../../schema/topology.schema.json');

// UPDATE=1 rewrites the file; look at what changed before committing it.
it('is what schema/topology.schema.json holds', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(FILE, printSchema());
  expect(existsSync(FILE) ? readFileSync(FILE, 'utf8') : '').toBe(printSchema());
});

it('describes keys and directives to editors', () => {
  const schema = JSON.parse(printSchema()) as Record<string, Record<string, unknown>>;
  expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
  expect(Object.keys(schema['properties'] ?? {})).toEqual([
    'name',
    'engine',
    'defaults',
    'master',
    'replicas',
  ]);
  expect(JSON.stringify(schema)).toContain('"repl-backlog-size"');
  expect(JSON.stringify(schema)).not.toContain('"requirepass"');
});
