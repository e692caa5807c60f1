import { describe, expect, it } from 'vitest';
import { ReplctlError } from '../../src/errors.ts';
import { drawBranches } from '../../src/show/draw-branches.ts';
import { drawColumns } from '../../src/show/draw-columns.ts';
import { errorToJson, formatError } from '../../src/show/format-error.ts';
import { formatBytes, formatDuration, formatMilliseconds } from '../../src/show/format-quantity.ts';
import { createTheme, wantsColor } from '../../src/show/theme.ts';

const plain = createTheme(false);

describe('wantsColor', () => {
  it.each([
    [{ isTty: true, noColorFlag: false, env: {} }, true],
    [{ isTty: false, noColorFlag: false, env: {} }, false],
    [{ isTty: true, noColorFlag: true, env: { FORCE_COLOR: '1' } }, false],
    [{ isTty: true, noColorFlag: false, env: { NO_COLOR: '1', FORCE_COLOR: '1' } }, false],
    [{ isTty: true, noColorFlag: false, env: { NO_COLOR: '' } }, true],
    [{ isTty: false, noColorFlag: false, env: { FORCE_COLOR: '1' } }, true],
    [{ isTty: true, noColorFlag: false, env: { TERM: 'dumb' } }, false],
  ])('%o is %s', (request, expected) => {
    expect(wantsColor(request)).toBe(expected);
  });
});

describe('drawBranches', () => {
  it('draws a chain beside a leaf', () => {
    expect(drawBranches([0, 1, 2, 1, 2, 3].map((depth) => ({ depth })))).toEqual([
      '',
      '├─ ',
      '│  └─ ',
      '└─ ',
      '   └─ ',
      '      └─ ',
    ]);
  });
});

describe('drawColumns', () => {
  it('aligns by what is seen, not by escape codes, and drops empty columns', () => {
    const columns = [
      { title: 'NODE', align: 'left' },
      { title: 'NOTHING', align: 'left' },
      { title: 'LAG', align: 'right' },
    ] as const;
    expect(
      drawColumns(columns, [
        ['\u001B[32ma\u001B[39m', '', '7'],
        ['bbbbb', '', '120'],
      ]),
    ).toEqual(['NODE   LAG', '\u001B[32ma\u001B[39m        7', 'bbbbb  120']);
  });
});

describe('quantities', () => {
  it('speaks of bytes, durations and milliseconds', () => {
    expect([0, 1023, 1024, 1_048_576, 123_456_789].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.00 kB',
      '1.00 MB',
      '118 MB',
    ]);
    expect([0, 59, 61, 3600, 90_061].map(formatDuration)).toEqual(['0s', '59s', '1m 1s', '1h', '1d 1h']);
    expect([3.4, 1200].map(formatMilliseconds)).toEqual(['3 ms', '1.20 s']);
  });
});

describe('errors', () => {
  const error = new ReplctlError('NODE_NOT_STARTED', 'node 6380 did not start', {
    hint: 'replctl logs 6380',
    details: { log: 'one\ntwo', exitStatus: 1 },
  });
  it('shows what happened, the evidence and what to try', () => {
    expect(formatError(error, plain, false)).toBe(
      'error: node 6380 did not start\n  log:\n    one\n    two\n  exitStatus: 1\ntry:   replctl logs 6380',
    );
  });
  it('keeps code, exit code and details in JSON', () => {
    expect(errorToJson(error).error).toMatchObject({
      code: 'NODE_NOT_STARTED',
      exitCode: 5,
      hint: 'replctl logs 6380',
    });
    expect(errorToJson(new TypeError('x')).error).toMatchObject({ code: 'INTERNAL', exitCode: 1 });
  });
});
