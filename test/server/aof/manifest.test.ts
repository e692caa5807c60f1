import { describe, expect, it } from 'vitest';
import {
  type AofManifest,
  completeRewrite,
  EMPTY_MANIFEST,
  formatManifest,
  ManifestError,
  nextBase,
  nextIncrement,
  parseManifest,
} from '../../../src/server/aof/manifest.ts';

const MANIFEST: AofManifest = {
  base: { name: 'appendonly.aof.2.base.rdb', seq: 2, type: 'base' },
  increments: [
    { name: 'appendonly.aof.4.incr.aof', seq: 4, type: 'incr' },
    { name: 'appendonly.aof.5.incr.aof', seq: 5, type: 'incr' },
  ],
  history: [{ name: 'appendonly.aof.1.base.rdb', seq: 1, type: 'history' }],
};

describe('the manifest of the append-only log', () => {
  it('is written as redis-server writes it and read back', () => {
    expect(formatManifest(MANIFEST)).toBe(
      [
        'file appendonly.aof.2.base.rdb seq 2 type b',
        'file appendonly.aof.1.base.rdb seq 1 type h',
        'file appendonly.aof.4.incr.aof seq 4 type i',
        'file appendonly.aof.5.incr.aof seq 5 type i',
        '',
      ].join('\n'),
    );
    expect(parseManifest(formatManifest(MANIFEST))).toEqual(MANIFEST);
  });

  it.each(['with blank.aof', 'quo"te.aof', 'back\\slash.aof', 'ümlaut.aof', 'tab\there.aof'])(
    'keeps the odd name %j',
    (name) => {
      const manifest: AofManifest = { ...EMPTY_MANIFEST, base: { name, seq: 1, type: 'base' } };
      expect(parseManifest(formatManifest(manifest))).toEqual(manifest);
    },
  );

  it('passes over comments and words it does not know', () => {
    const text = '# made by hand\nfile a.aof seq 1 type i startoffset 17\n';
    expect(parseManifest(text).increments).toEqual([{ name: 'a.aof', seq: 1, type: 'incr' }]);
  });

  it.each([
    ['', 'empty AOF manifest'],
    ['\n', 'Invalid'],
    ['file a seq 1\n', 'Invalid'],
    ['file a seq x type i\n', 'Invalid'],
    ['file a seq 1 type z\n', 'Unknown AOF file type'],
    ['file a/b seq 1 type i\n', "can't be a path"],
    ['file a seq 1 type b\nfile b seq 2 type b\n', 'duplicate base'],
    ['file a seq 2 type i\nfile b seq 2 type i\n', 'non-monotonic'],
    [`file ${'a'.repeat(2000)} seq 1 type i\n`, 'too long'],
  ])('refuses %j', (text, reason) => {
    expect(() => parseManifest(text)).toThrow(ManifestError);
    expect(() => parseManifest(text)).toThrow(reason);
  });

  it('keeps the increments since a rewrite began and turns the rest to history', () => {
    const [, second] = MANIFEST.increments;
    const base = nextBase(MANIFEST, 'appendonly.aof');
    expect(base.name).toBe('appendonly.aof.3.base.rdb');
    expect(nextIncrement(MANIFEST, 'appendonly.aof').name).toBe('appendonly.aof.6.incr.aof');
    const done = completeRewrite(MANIFEST, base, second ?? nextIncrement(MANIFEST, ''));
    expect(done.base).toEqual(base);
    expect(done.increments).toEqual([second]);
    expect(done.history.map(({ name }) => name)).toEqual([
      'appendonly.aof.1.base.rdb',
      'appendonly.aof.2.base.rdb',
      'appendonly.aof.4.incr.aof',
    ]);
  });
});
