import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { FINDING_CODES } from '../../src/compare/finding.ts';

it('documents every finding, and no other', () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../docs/findings.md'), 'utf8');
  const documented = [...text.matchAll(/^### (\w+)$/gm)].map(([, code]) => code);
  expect(documented).toHaveLength(FINDING_CODES.length);
  expect(new Set(documented)).toEqual(new Set(FINDING_CODES));
});
