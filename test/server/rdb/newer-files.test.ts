import { expect, it } from 'vitest';
import { RdbReader } from '../../../src/server/rdb/rdb-reader.ts';
import { RecordingSink } from './recording-sink.ts';

/**
 * Files that the servers named wrote: `plain` with a field, `was` whose field once had a time to live (and in some
 * `was2`, the same in the large encoding), and `small` or `big` whose field `f` expires in the year 2096.
 */
const REDIS_7_4 =
  '524544495330303132fa0972656469732d76657205372e342e31fa0a72656469732d62697473c040fa056374696d65c297c7016bfa08757365642d6d656dc2c86f1100fa08616f662d62617365c000fe00fb02001005706c61696e0d0d0000000200816602817602ff190377617300409452a30300001717000000060081670281770200018166028176020001ffff0db0e702788cda26';
const REDIS_7_4_SMALL =
  '524544495330303132fa0972656469732d76657205372e342e31fa0a72656469732d62697473c040fa056374696d65c297c7016bfa08757365642d6d656dc298d11100fa08616f662d62617365c000fe00fb03001905736d616c6c00409452a30300001f1f0000000600816602817602f400409452a3030000098167028177020001ff1005706c61696e0d0d0000000200816602817602ff190377617300409452a30300001717000000060081670281770200018166028176020001ffff46ed23047395487e';
const REDIS_8_BIG =
  '524544495330303132fa0972656469732d76657205382e302e36fa0a72656469732d62697473c040fa056374696d65c2a0c7016bfa08757365642d6d656dc228ff0d00fa08616f662d62617365c000fe00fb0300180362696700409452a30300000200016701770101660176190377617300409452a30300001717000000060081670281770200018166028176020001ff1005706c61696e0d0d0000000200816602817602ffff47e9edbdaa0c1af7';
const REDIS_8 =
  '524544495330303132fa0972656469732d76657205382e302e36fa0a72656469732d62697473c040fa056374696d65c2a1c7016bfa08757365642d6d656dc2d8ff0d00fa08616f662d62617365c000fe00fb0300190377617300409452a30300001717000000060081670281770200018166028176020001ff0404776173320201670177016601761005706c61696e0d0d0000000200816602817602ffff8c18362ed71627c8';
const VALKEY_9 =
  '56414c4b4559303830fa0a76616c6b65792d76657205392e312e32fa0a72656469732d62697473c040fa056374696d65c2aac7016bfa08757365642d6d656dc2c89e1100fa08616f662d62617365c000fe00fb03001005706c61696e0d0d0000000200816602817602ff0403776173020166017601670177040477617332020166017601670177ffc558b60f171e7d6b';
const VALKEY_9_SMALL =
  '56414c4b4559303830fa0a76616c6b65792d76657205392e312e32fa0a72656469732d62697473c040fa056374696d65c2a8c7016bfa08757365642d6d656dc2c0dc1000fa08616f662d62617365c000fe00fb03001005706c61696e0d0d0000000200816602817602ff04037761730201660176016701771605736d616c6c020166017600409452a303000001670177ffffffffffffffffffef999a162737dabc';

function read(file: string): RecordingSink {
  const sink = new RecordingSink();
  const reader = new RdbReader(sink);
  reader.write(Buffer.from(file, 'hex'));
  reader.end();
  return sink;
}

it.each([
  ['Redis 7.4.1', REDIS_7_4, ['plain', 'was']],
  ['Redis 8.0.6', REDIS_8, ['plain', 'was', 'was2']],
  ['Valkey 9.1.2', VALKEY_9, ['plain', 'was', 'was2']],
])('reads what %s writes of fields that do not expire any more', (_, file, names) => {
  const { keys } = read(file);
  expect(keys.map(({ key }) => key).sort()).toEqual(names);
  for (const { key, value } of keys) {
    const fields = value.type === 'hash' ? Object.fromEntries(value.fields) : undefined;
    expect(fields).toEqual(key === 'plain' ? { f: 'v' } : { f: 'v', g: 'w' });
  }
});

/** 2096-10-02T07:06:40Z. */
const ENDS_AT_MS = 4_000_000_000_000;

it.each([
  ['Redis 7.4.1', REDIS_7_4_SMALL, 'small'],
  ['Redis 8.0.6', REDIS_8_BIG, 'big'],
  ['Valkey 9.1.2', VALKEY_9_SMALL, 'small'],
])('reads what %s writes of fields that expire', (_, file, key) => {
  const { value } = read(file).keys.find((one) => one.key === key) ?? {};
  const fields = value?.type === 'hash' ? value.fields.toSorted(([a], [b]) => (a < b ? -1 : 1)) : [];
  expect(fields).toEqual([
    ['f', 'v', ENDS_AT_MS],
    ['g', 'w'],
  ]);
});
