import { describe, expect, it } from 'vitest';
import { AdminServer } from './admin-server.ts';

const own = new AdminServer();

/** What a RESP3 reply means, maps as lists of pairs and sets as lists. */
function readReply(lines: string[]): unknown {
  const line = lines.shift() ?? '';
  const count = Number(line.slice(1));
  switch (line[0]) {
    case '$':
      return lines.shift();
    case '+':
      return line.slice(1);
    case ':':
      return count;
    case '%':
      return Array.from({ length: count }, () => [readReply(lines), readReply(lines)]);
    default:
      return Array.from({ length: count }, () => readReply(lines));
  }
}

function docs(...names: string[]): unknown {
  const peer = own.connect();
  peer.call('HELLO', '3');
  const lines = peer.call('COMMAND', 'DOCS', ...names).split('\r\n');
  const read = readReply(lines);
  expect(lines).toEqual(['']);
  return read;
}

describe('COMMAND DOCS', () => {
  it('tells what the manual says, in the order of Redis', () => {
    expect(docs('getex')).toEqual([
      [
        'getex',
        [
          ['summary', 'Reads a string and changes when it expires'],
          ['since', '6.2.0'],
          ['group', 'string'],
          ['complexity', 'O(1)'],
          [
            'arguments',
            [
              [
                ['name', 'key'],
                ['type', 'key'],
                ['display_text', 'key'],
                ['key_spec_index', 0],
              ],
              [
                ['name', 'expiration'],
                ['type', 'oneof'],
                ['flags', ['optional']],
                [
                  'arguments',
                  [
                    ['seconds', 'EX', 'integer'],
                    ['milliseconds', 'PX', 'integer'],
                    ['unix-time-seconds', 'EXAT', 'unix-time'],
                    ['unix-time-milliseconds', 'PXAT', 'unix-time'],
                    ['persist', 'PERSIST', 'pure-token'],
                  ].map(([name, token, type]) => [
                    ['name', name],
                    ['type', type],
                    ['display_text', name],
                    ['token', token],
                  ]),
                ],
              ],
            ],
          ],
        ],
      ],
    ]);
  });

  it('tells of old commands what to use instead', () => {
    expect(docs('substr', 'nosuch')).toEqual([
      [
        'substr',
        expect.arrayContaining([
          ['doc_flags', ['deprecated']],
          ['deprecated_since', '2.0.0'],
          ['replaced_by', 'GETRANGE'],
        ]),
      ],
    ]);
  });

  it('has a page for every command, subcommands inside their containers', () => {
    const all = docs() as [string, [string, unknown][]][];
    expect(all).toHaveLength(own.server.commands.byName.size);
    for (const [name, fields] of all)
      expect(
        fields.map(([field]) => field),
        name,
      ).toContain('summary');
    const acl = new Map(all.find(([name]) => name === 'acl')?.[1]);
    expect((acl.get('subcommands') as [string][]).map(([name]) => name)).toContain('acl|whoami');
  });
});
