import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..');

it('documents every JSON shape, and no other', () => {
  const files = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const inSource = files
    .filter((file) => file.endsWith('.ts') && !file.startsWith('server'))
    .flatMap((file) => [
      ...readFileSync(path.join(ROOT, 'src', file), 'utf8').matchAll(/schema: '(replctl\.\w+\/\d+)'/g),
    ])
    .map(([, schema]) => schema);
  const text = readFileSync(path.join(ROOT, 'docs', 'json.md'), 'utf8');
  const documented = [...text.matchAll(/^## `(replctl\.\w+\/\d+)`$/gm)].map(([, schema]) => schema);
  expect(documented.length).toBeGreaterThan(10);
  expect(new Set(documented)).toEqual(new Set(inSource));
});
