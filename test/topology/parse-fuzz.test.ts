import { anything, assert, constantFrom, array, jsonValue, oneof, property, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseTopology } from '../../src/topology/parse-topology.ts';

const FILE = '/srv/t/topology.yaml';

/** Every text is either a topology or has problems, each with a place in the text; nothing throws. */
function expectVerdict(text: string): void {
  const { topology, problems } = parseTopology(text, { file: FILE });
  expect(topology === null).toBe(problems.length > 0);
  const lines = text.split('\n').length;
  for (const { line, message } of problems) {
    expect(message).not.toBe('');
    if (line !== null) expect(line).toBeLessThanOrEqual(lines);
  }
}

const KEYS =
  'name engine defaults master replicas host bind password user aclfile tls templates ssh config port announce dir env file save __proto__ constructor'.split(
    ' ',
  );

describe('parseTopology', () => {
  it('gives a verdict on any text', () => {
    const piece = oneof(
      string({ unit: 'binary', maxLength: 8 }),
      constantFrom(
        '\n',
        '  ',
        '- ',
        ': ',
        '{',
        '}',
        '[',
        ']',
        '&a ',
        '*a',
        '# ',
        '"',
        "'",
        '---\n',
        '!!',
        '? ',
        '| ',
        '%',
      ),
      constantFrom(...KEYS),
      constantFrom('6379', 'redis', 'true', '~', '1e999', '0x10', '.nan'),
    );
    assert(
      property(array(piece, { maxLength: 40 }), (pieces) => expectVerdict(pieces.join(''))),
      { numRuns: 2000 },
    );
  });

  it('gives a verdict on any shape under the keys it knows', () => {
    const value = oneof(
      jsonValue(),
      anything({ withDate: true }),
      constantFrom(6379, 'a:1', [6380], { port: 6381 }),
    );
    assert(
      property(
        array(tuple(constantFrom(...KEYS), value, constantFrom(...KEYS)), { maxLength: 5 }),
        (entries) => {
          const tree = Object.fromEntries(
            entries.map(([key, inner, below]) => [key, Array.isArray(inner) ? inner : { [below]: inner }]),
          );
          let text: string;
          try {
            text = stringify({ master: 6379, ...tree });
          } catch (error) {
            // Not everything has a YAML form (symbols, functions): nothing to parse then.
            expect(error).toBeInstanceOf(Error);
            return;
          }
          expectVerdict(text);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['block sequences', Array.from({ length: 1400 }, (_, depth) => `${' '.repeat(depth)}-`).join('\n')],
    ['one line of dashes', '- '.repeat(50_000)],
    ['block maps', Array.from({ length: 1400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['flow maps', `a: ${'{a: '.repeat(20_000)}`],
    [
      'nested replicas',
      `master: 1\nreplicas:\n${Array.from({ length: 150 }, (_, at) => `${'  '.repeat(2 * at + 1)}- port: ${String(at + 2)}\n${'  '.repeat(2 * at + 2)}replicas:`).join('\n')}`,
    ],
    ['question marks', '? '.repeat(20_000)],
  ])('does not run out of stack on %s', (_name, text) => {
    expectVerdict(text);
  });
});
