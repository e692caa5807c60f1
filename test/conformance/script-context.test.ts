import { expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { conformance } from './conformance.ts';

const { same, ports } = conformance();

const script = (code: string, ...args: string[]): string[] => ['eval', code, '0', ...args];
/** 7.2 says it in other words than 7.0, and with another code inside scripts. */
const REFUSED =
  /-(?:NOPERM|ERR The user executing the script can't|ERR ACL failure in script)[^\r]*?(?= script: \w{40},|\r)/g;

const as = (user: string): string => `@u auth ${user} x`;

same(
  'ACL rules hold in scripts',
  [
    'acl setuser s1 reset on >x ~k* +@all -set',
    as('s1'),
    '@u acl whoami',
    "@u eval \"return redis.call('set', 'k', 1)\" 0",
    "@u eval \"return redis.pcall('set', 'k', 1)\" 0",
    "@u eval \"return redis.call('get', 'other')\" 0",
    "@u eval \"return redis.call('get', 'k')\" 0",
    "@u eval \"return redis.call('publish', 'c', 'm')\" 0",
    "@u eval \"return {redis.acl_check_cmd('set', 'k', 1), redis.acl_check_cmd('get', 'k'), redis.acl_check_cmd('get', 'x')}\" 0",
    "@u eval \"return {redis.acl_check_cmd('config', 'get', 'x'), redis.acl_check_cmd('SeT', 'k', 1)}\" 0",
    "@u eval \"return redis.call('acl', 'whoami')\" 0",
    '@u eval "return redis.call(\'get\', KEYS[1])" 1 k1',
    '@u eval "return redis.call(\'get\', KEYS[1])" 1 z',
    '@u eval "return 1" 1 z',
    'acl setuser s2 reset on >x ~* -@all +eval +get +auth',
    as('s2'),
    "@u eval \"return redis.call('get', 'k')\" 0",
    "@u eval \"return redis.call('set', 'k', 1)\" 0",
    '@u eval "return redis.call(\'nope\')" 0',
    "@u eval_ro \"return redis.call('get', 'k')\" 0",
    '@u script load x',
    '@u fcall x 0',
    'acl setuser s3 reset on >x %R~k* +@all',
    as('s3'),
    "@u eval \"return redis.call('get', 'k')\" 0",
    "@u eval \"return redis.call('set', 'k', 1)\" 0",
    '@u eval "return 1" 1 k',
    '@u eval_ro "return 1" 1 k',
    '@u eval "#!lua flags=no-writes\\nreturn 1" 1 k',
    'acl deluser s1 s2 s3',
  ],
  { mask: REFUSED },
);

same('setresp', [
  'hset h a 1',
  'sadd s m',
  'zadd z 1.5 m',
  ...[2, 3].flatMap((resp) =>
    [
      "return redis.call('hgetall', 'h')",
      "return redis.call('hgetall', 'h')['map'] ~= nil",
      "return redis.call('smembers', 's')",
      "return redis.call('zscore', 'z', 'm')",
      "return redis.call('zrange', 'z', 0, -1, 'withscores')",
      "return redis.call('get', 'none')",
      "return type(redis.call('get', 'none'))",
      "return redis.call('sismember', 's', 'm')",
      "return redis.call('lpop', 'none', 3) == false",
      "return redis.call('debug', 'protocol', 'bignum')",
      "return redis.call('debug', 'protocol', 'verbatim')",
      "return redis.call('debug', 'protocol', 'attrib')",
      "return redis.call('debug', 'protocol', 'true')",
      "return redis.call('debug', 'protocol', 'false')",
      "return redis.call('debug', 'protocol', 'double')",
      "return redis.call('debug', 'protocol', 'null')",
      "return redis.call('debug', 'protocol', 'map')",
      "return redis.call('debug', 'protocol', 'set')",
      'return {double=3.25}',
      'return {map={a=1}}',
      'return {set={a=true}}',
      "return {big_number='123'}",
      "return {verbatim_string={string='x', format='txt'}}",
      'return true',
      'return false',
      'return {true, false, nil, 1}',
    ].map((code) => script(`redis.setresp(${resp}) ${code}`)),
  ),
  script('redis.setresp(3) return 1'),
  script("return redis.call('hgetall', 'h')"),
]);

same('read-only scripts', [
  'set k v',
  ['eval_ro', "return redis.call('set', KEYS[1], 1)", '1', 'k'],
  ['eval_ro', "return redis.pcall('set', KEYS[1], 1)", '1', 'k'],
  ['eval_ro', "return redis.call('get', KEYS[1])", '1', 'k'],
  ['eval_ro', "return redis.call('publish', 'a', 'b')", '0'],
  ['eval_ro', "return redis.call('pfcount', 'a')", '0'],
  ['eval_ro', "return redis.call('spublish', 'a', 'b')", '0'],
  ['eval_ro', "return redis.call('getex', 'k')", '0'],
  ['eval_ro', "return redis.call('sort', 'k', 'store', 'x')", '0'],
  ['eval_ro', "return redis.call('sort_ro', 'none')", '0'],
  ['evalsha_ro', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db', '0'],
  script("#!lua flags=no-writes\nreturn redis.call('del', 'k')"),
  script("#!lua flags=no-writes\nreturn redis.pcall('del', 'k')['err']"),
  script('#!lua flags=allow-oom,no-cluster,allow-stale,allow-cross-slot-keys\nreturn 1'),
  script('#!lua flags=\nreturn 1'),
  script('#!lua   flags=no-writes   \nreturn 1'),
  script('#!lua name=x\nreturn 1'),
  script('#!lua flags=no-writes flags=allow-oom\nreturn 1'),
  script('#!LUA\nreturn 1'),
  script('#!\nreturn 1'),
  script('#!lua'),
  ['eval_ro', '#!lua\nreturn 1', '0'],
  ['fcall_ro', 'none', '0'],
  'multi',
  ['eval_ro', 'return 1', '0'],
  script('#!lua flags=no-writes\nreturn 1'),
  'exec',
]);

same('on a replica that may not be written', [
  'replicaof 127.0.0.1 1',
  script("return redis.call('set', 'a', 1)"),
  script("return redis.pcall('set', 'a', 1)['err']"),
  script("return redis.call('get', 'a')"),
  script('#!lua\nreturn 1'),
  script("#!lua flags=no-writes\nreturn redis.call('get', 'a')"),
  ['eval_ro', "return redis.call('get', 'a')", '0'],
  'config set replica-serve-stale-data no',
  script('return 1'),
  script('#!lua flags=no-writes\nreturn 1'),
  script('#!lua flags=allow-stale\nreturn 1'),
  script('#!lua flags=allow-stale,no-writes\nreturn 1'),
  script("#!lua flags=allow-stale,no-writes\nreturn redis.call('get', 'a')"),
  script("#!lua flags=allow-stale,no-writes\nreturn redis.call('echo', 'a')"),
  'config set replica-serve-stale-data yes',
  'replicaof no one',
]);

same('with no memory left', [
  'set k v',
  'config set maxmemory 1',
  script("return redis.call('set', 'a', 1)"),
  script("return redis.pcall('set', 'a', 1)['err']"),
  script("redis.call('del', 'k') return redis.call('set', 'a', 1)"),
  script("return redis.call('get', 'k')"),
  script('#!lua\nreturn 1'),
  script('#!lua flags=no-writes\nreturn 1'),
  script("#!lua flags=allow-oom\nreturn redis.call('set', 'a', 1)"),
  ['eval_ro', 'return 1', '0'],
  'multi',
  'config set maxmemory 0',
  'exec',
  'config set maxmemory 0',
  script("return redis.call('set', 'a', 1)"),
]);

same('too few replicas', [
  'config set min-replicas-to-write 1',
  script("return redis.call('set', 'a', 1)"),
  script("return redis.call('get', 'a')"),
  script('#!lua\nreturn 1'),
  script('#!lua flags=no-writes\nreturn 1'),
  'config set min-replicas-to-write 0',
]);

same(
  'what scripts may not call',
  [
    'multi',
    'exec',
    'watch x',
    'subscribe c',
    'psubscribe c',
    'ssubscribe c',
    'monitor',
    'client id',
    'auth x',
    'hello',
    'reset',
    'quit',
    'eval 1 0',
    'evalsha x 0',
    'fcall x 0',
    'script flush',
    'function flush',
    'replicaof no one',
    'psync x 1',

    'bgsave',
    'save',
    'shutdown',
    'debug sleep 0',
    'config get port',
    'acl list',
    'select 1',
    'select 99',
    'swapdb 0 1',
    'time x',
    'object help',
    'xgroup help',
    'client',
    'config',
    'slowlog get',
    'command count',
    'failover',
    'sync',
    'cluster info',
    'asking',
    'readonly',
    'module list',
    'latency reset',
    'lolwut',
    'xread block 0 streams s $',
  ].map((line) =>
    script(
      `local r = redis.pcall(unpack(ARGV)) if type(r) == 'table' then return r.err or r.ok or 'table' end return type(r)`,
      ...line.split(' '),
    ),
  ),
);

it.skipIf(!hasEngine('redis'))('shows scripts and their commands to MONITOR', async () => {
  const seen = await Promise.all(
    [ports().bundled, ports().redis].map(async (port) => {
      const [watcher, client] = await Promise.all([RawConnection.open(port), RawConnection.open(port)]);
      try {
        await watcher.call('MONITOR');
        await client.call(
          'EVAL',
          "redis.call('SET', KEYS[1], ARGV[1]) return redis.pcall('nope')",
          '1',
          'k',
          'v',
        );
        await client.call('MULTI');
        await client.call('EVAL', "return redis.call('incr', 'n')", '0');
        await client.call('EXEC');
        await client.call('PING', 'the end');
        const lines: string[] = [];
        while (!(lines.at(-1) ?? '').includes('the end')) lines.push(await watcher.read());
        return lines.map((line) =>
          line.replace(
            /\d+\.\d+ \[(\d+) (?:lua|[\d.:]+)\]/,
            (all, db) => `${db} ${all.includes('lua') ? 'lua' : 'client'}`,
          ),
        );
      } finally {
        for (const open of [watcher, client]) open.close();
      }
    }),
  );
  expect(seen[0]).toEqual(seen[1]);
});
