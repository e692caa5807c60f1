import { describe, expect, it } from 'vitest';
import { confText, parseConf } from '../../src/conf/parse-conf.ts';

describe('parseConf', () => {
  it('keeps order, line numbers and the comments above each line', () => {
    const result = parseConf({
      path: 'redis.conf',
      content: '# one\n\n# two\n# three\nPORT 6379\r\nsave ""\n  requirepass "pä\\n"  \n',
    });
    expect(result).toEqual({
      ok: true,
      lines: [
        {
          file: 'redis.conf',
          line: 5,
          name: 'port',
          args: ['6379'],
          raw: 'PORT 6379',
          comments: ['# two', '# three'],
        },
        { file: 'redis.conf', line: 6, name: 'save', args: [''], raw: 'save ""', comments: [] },
        expect.objectContaining({ line: 7, name: 'requirepass', comments: [] }),
      ],
    });
    expect(result.ok && result.lines.map((line) => confText(line.args[0] ?? ''))).toEqual([
      '6379',
      '',
      'pä\n',
    ]);
  });

  it('puts the lines of an included file where the include stood', () => {
    const files: Record<string, string> = {
      'common.conf': 'port 1\ninclude "deep er.conf"\nport 3',
      'deep er.conf': 'port 2',
    };
    const result = parseConf(
      { path: 'a.conf', content: 'port 0\ninclude common.conf\nport 4' },
      (pattern) => {
        const content = files[pattern];
        return content === undefined ? `no file ${pattern}` : [{ path: pattern, content }];
      },
    );
    expect(result.ok && result.lines.map((line) => [line.file, line.line, line.args[0]])).toEqual([
      ['a.conf', 1, '0'],
      ['common.conf', 1, '1'],
      ['deep er.conf', 1, '2'],
      ['common.conf', 3, '3'],
      ['a.conf', 3, '4'],
    ]);
  });

  it('says every error at once, with file and line', () => {
    const result = parseConf(
      { path: 'a.conf', content: 'port "1\ninclude x y\ninclude gone.conf\ninclude a.conf' },
      (pattern) => (pattern === 'a.conf' ? [{ path: 'a.conf', content: 'include a.conf' }] : "Can't open it"),
    );
    expect(!result.ok && result.errors).toEqual([
      { file: 'a.conf', line: 1, raw: 'port "1', message: 'Unbalanced quotes in configuration line' },
      {
        file: 'a.conf',
        line: 2,
        raw: 'include x y',
        message: 'Bad directive or wrong number of arguments',
      },
      { file: 'a.conf', line: 3, raw: 'include gone.conf', message: "Can't open it" },
      { file: 'a.conf', line: 1, raw: 'include a.conf', message: 'Includes nest deeper than 32 files' },
    ]);
  });
});
