import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { whyNoTls } from '../support/test-certificates.ts';
import { conformance } from './conformance.ts';

const { same, ports } = conformance(['--enable-debug-command', 'yes', '--enable-protected-configs', 'yes']);

/** The real server here is 7.0; ours answers as 7.2. */
const SINCE_7_2 = 'the text is another one since 7.2';

describe('CONFIG', () => {
  same('GET', [
    'config get maxmemory',
    'config get MAXMEMORY',
    'config get nope',
    'config get',
    'config get timeou* xx',
  ]);
  same('SET', [
    'config set maxmemory 10mb timeout 300',
    'config get timeout',
    'config set maxmemory',
    'config set nope 1',
    'config set maxmemory x',
    'config set databases 3',
    'config set timeout 500 timeout 600',
    'config set timeout 700 hz x',
    'config get timeout',
    'config set slave-priority 7',
    'config get replica-priority',
    'config set appendonly maybe',
    'config set maxmemory-policy x',
    'config set save "60 1 30 2"',
    'config get save',
    'config set save ""',
    'config set notify-keyspace-events KEA',
    'config get notify-keyspace-events',
    'config set notify-keyspace-events ""',
    'config set maxmemory 0 timeout 0 replica-priority 100',
  ]);
  same('the rest', ['config rewrite', 'config resetstat', 'config', 'config foo', 'config get a b c']);
});

describe('CLIENT', () => {
  same('names', [
    'client getname',
    'client setname bob',
    'client getname',
    ['client', 'setname', 'a b'],
    'client setname ""',
    'client getname',
    'client setname',
    'client',
    'client nope',
  ]);
  same('KILL', [
    'client kill 1.2.3.4:5',
    'client kill id x',
    'client kill id 0',
    'client kill id 99999',
    'client kill type nope',
    'client kill user nobody',
    'client kill skipme maybe',
    'client kill addr',
    'client kill type pubsub',
    'client kill laddr 1.2.3.4:5 skipme no',
  ]);
  same('LIST', [
    'client list type nope',
    'client list id x',
    'client list id 999999',
    'client list foo',
    'client list type master',
  ]);
  same('PAUSE and UNPAUSE', [
    'client pause x',
    'client pause -1',
    'client pause 10 nope',
    'client pause 50 write',
    'get a',
    'client unpause',
    'client pause 30 all',
    'client unpause',
    'client unpause x',
  ]);
  same('REPLY', ['client reply foo', 'client reply on']);
  same('UNBLOCK', [
    'client unblock x',
    'client unblock 99999',
    'client unblock 1 foo',
    'client unblock 99999 error',
  ]);
  same('flags', ['client no-evict on', 'client no-evict off', 'client no-evict x', 'client getredir']);
  same('TRACKING', [
    'client tracking foo',
    'client tracking on prefix a',
    'client tracking on bcast optin',
    'client tracking on optin optout',
    'client tracking on redirect 99999',
    'client tracking on bcast prefix a prefix ab',
    'client tracking off',
    'client trackinginfo',
    'client caching yes',
  ]);
});

describe('HELLO, AUTH and RESET', () => {
  same('wrong uses', [
    'hello x',
    'hello 4',
    'hello 2 foo',
    'hello 2 setname "a b"',
    'auth',
    'auth x',
    'auth a b',
    'auth a b c',
    'hello 2 auth nobody x',
  ]);
  same('RESET', [
    'client setname x',
    'multi',
    'reset',
    'client getname',
    'exec',
    'select 1',
    'reset',
    'ping',
  ]);
});

describe('COMMAND', () => {
  same('keys of requests', [
    'command getkeys get a',
    'command getkeys mset a 1 b 2',
    'command getkeys zunionstore d 2 a b',
    'command getkeys sort a by b limit 0 1 get c store d',
    'command getkeys ping x',
    'command getkeys get a b',
    'command getkeys nope a',
    'command getkeysandflags set a 1 get',
    'command getkeysandflags set a 1',
    'command getkeysandflags bitfield a get u8 0',
    'command getkeysandflags lmove a b left right',
    'command getkeys',
  ]);
  same('facts', [
    'command info get',
    'command info set nope',
    'command info client|list',
    'command info config|set|x',
  ]);
  same('LIST', [
    'command list filterby aclcat hyperlogloga',
    'command list filterby pattern xse',
    'command list filterby foo x',
    'command list foo',
    'command foo',
  ]);
});

describe('pub/sub', () => {
  same('subscribing', [
    'unsubscribe a',
    'psubscribe x*',
    'punsubscribe',
    'unsubscribe',
    'unsubscribe',
    'ssubscribe s',
    'sunsubscribe',
    'pubsub numsub a b',
    'pubsub numpat',
    'pubsub channels',
    'pubsub shardchannels',
    'pubsub shardnumsub s',
    'publish nobody x',
    'publish',
    'pubsub foo',
  ]);
  same('messages', [
    '@s subscribe a',
    '@p psubscribe a* b*',
    '@p?',
    'publish a hello',
    '@s?',
    '@p?',
    'publish bx hello',
    '@p?',
    'pubsub numsub a nobody',
    'pubsub numpat',
    'pubsub channels',
    'pubsub channels x*',
    '@h ssubscribe a',
    'spublish a hi',
    '@h?',
    'publish none x',
  ]);
  same(
    'in RESP2 only pub/sub commands are allowed',
    ['@s subscribe a', '@s get x', '@s ping', '@s ping hi', '@s quit'],
    { resp: 2 },
  );
  same('keyspace events', [
    'config set notify-keyspace-events KEA',
    '@s psubscribe __key*',
    'set k v',
    '@s?',
    '@s?',
    'lpush l a',
    '@s?',
    '@s?',
    'expire k 100',
    '@s?',
    '@s?',
    'del k',
    '@s?',
    '@s?',
    'config set notify-keyspace-events ""',
  ]);
});

describe('client-side caching', () => {
  same(
    'in RESP3',
    [
      '@t client tracking on',
      'set k 1',
      '@t get k',
      'set k 2',
      '@t?',
      'set k 3',
      '@t ping',
      '@t get k',
      'flushall',
      '@t?',
      '@t client trackinginfo',
      '@t client tracking off',
    ],
    { resp: 3 },
  );
  same(
    'of what is emptied, once each time',
    [
      '@t client tracking on',
      '@t get none',
      'flushall',
      '@t?',
      'set none 1',
      'flushdb',
      '@t?',
      'set a 1',
      'select 3',
      'set b 1',
      'flushall async',
      '@t?',
      '@t multi',
      '@t flushdb',
      '@t get a',
      '@t exec',
      '@t?',
      '@t ping',
    ],
    { resp: 3 },
  );
  same(
    'broadcast',
    [
      '@t client tracking on bcast prefix a prefix b noloop',
      'set c 1',
      'set a1 1',
      '@t?',
      '@t set b1 1',
      'set b2 1',
      '@t?',
      '@t client trackinginfo',
    ],
    { resp: 3 },
  );
  same(
    'opting in',
    [
      '@t client tracking on optin',
      'set k 1',
      '@t get k',
      'set k 2',
      '@t client caching yes',
      '@t get k',
      'set k 3',
      '@t?',
      '@t client caching no',
    ],
    { resp: 3 },
  );
});

describe('ACL', () => {
  same(
    'users',
    [
      'acl whoami',
      'acl users',
      'acl list',
      'acl setuser u on >pw ~a* %R~b* &c* +@read +set -@dangerous +client|id',
      'acl setuser u (~x +get)',
      'acl dryrun u get a1',
      'acl dryrun u get zzz',
      'acl dryrun u set b1 1',
      'acl dryrun u flushall',
      'acl dryrun u client id',
      'acl dryrun u client list',
      'acl dryrun nobody get x',
      'acl dryrun u nope x',
      'acl dryrun u get',
      'acl setuser u +nope',
      'acl setuser u foo',
      'acl setuser u ~*',
      'acl setuser u ~b',
      'acl setuser u (+get',
      'acl setuser "a b"',
      'acl deluser default',
      'acl deluser u nobody',
      'acl getuser nobody',
      'acl load',
      'acl save',
      'acl cat',
      'acl cat nope',
      'acl genpass x',
      'acl genpass 0',
      'acl log reset',
      'acl log x',
      'acl foo',
    ],
    {
      except: Object.fromEntries(
        [
          'acl list',
          'acl dryrun u get zzz',
          'acl dryrun u set b1 1',
          'acl dryrun u flushall',
          'acl dryrun u client list',
        ].map((line) => [line, SINCE_7_2]),
      ),
    },
  );
  same(
    'what a user may do',
    [
      'acl setuser u on >pw ~a* +get +set +multi +exec +client|setname &c*',
      '@u auth u wrong',
      '@u auth u pw',
      '@u acl whoami',
      '@u get a',
      '@u get b',
      '@u del a',
      '@u client setname x',
      '@u client list',
      '@u multi',
      '@u del a',
      '@u exec',
      'acl deluser u',
    ],
    {
      except: {
        '@u acl whoami': SINCE_7_2,
        '@u del a': SINCE_7_2,
        '@u get b': SINCE_7_2,
        '@u client list': SINCE_7_2,
      },
    },
  );
});

describe('others', () => {
  same('SLOWLOG', [
    // Any command is slow when its process has to wait for a core.
    'config set slowlog-log-slower-than -1',
    'slowlog reset',
    'slowlog len',
    'slowlog get -2',
    'slowlog get x',
    'slowlog foo',
    'slowlog get 0',
    'config set slowlog-log-slower-than 10000',
  ]);
  same('LATENCY', ['latency reset', 'latency latest', 'latency history x', 'latency graph x', 'latency foo']);
  same('MEMORY', [
    'memory usage nope',
    'memory usage',
    'memory usage a samples',
    'memory usage a samples -1',
    'memory foo',
    'memory purge',
  ]);
  same('DEBUG', [
    'set a 1',
    'rpush l a b c',
    'sadd s a b c',
    'zadd z 1.5 a 2 b -3 c',
    'hset h f1 v1 f2 v2',
    'debug digest',
    'debug digest-value a l s z h nope',
    'pexpireat a 99999999999999',
    'debug digest',
    'select 3',
    'set x y',
    'debug digest',
    'select 0',
    'debug set-active-expire 1',
    'debug jmap',
    'debug sleep 0',
    'debug protocol string',
    'debug protocol integer',
    'debug protocol double',
    'debug protocol null',
    'debug protocol array',
    'debug protocol set',
    'debug protocol map',
    'debug protocol attrib',
    'debug protocol bignum',
    'debug protocol true',
    'debug protocol verbatim',
    'debug protocol push',
    'debug protocol nope',
    'debug object nope',
    'debug',
    'debug foo',
  ]);
  same('SHUTDOWN', ['shutdown foo', 'shutdown save nosave', 'shutdown abort', 'shutdown abort now']);
  same('unknown sections of INFO', ['info nope', 'info cluster', 'info cluster nope']);
  same('MONITOR', ['@m monitor', 'set k "a b"', '@m?', 'config get maxmemory', 'lpush l x', '@m?'], {
    mask: /\+\d+\.\d+ \[0 [^\]]+\]/g,
  });
});

same('a server without cluster and modules', [
  'cluster info',
  'cluster help',
  'cluster',
  'cluster keyslot',
  'cluster nope',
  'readonly',
  'readwrite',
  'asking',
  'readonly x',
  'module list',
  'module help',
  'module load x',
  'module unload x',
  'module loadex x',
  'module',
  'module nope',
]);
same('CONFIG SET names a directive as it was given', [
  'config set slave-read-only 1',
  'config set SLAVE-read-only 1',
  'config set zset-max-ziplist-entries x',
]);

describe.skipIf(whyNoTls() !== null)('CONFIG SET', () => {
  same('of TLS without certificates', [
    'config set tls-cluster yes',
    'config set tls-cert-file /nope',
    'config set tls-replication yes',
    'config set tls-key-file /nope',
    'config set tls-port 1',
    'config set tls-ca-cert-file /nope tls-cluster yes',
    'config get tls-ca-cert-file',
    'config get tls-cert-file',
    'config get tls-cluster',
    'config get tls-port',
    'config set tls-cert-file "" tls-key-file "" tls-protocols nope',
    'config set tls-protocols ""',
  ]);
});

it.skipIf(!hasEngine('redis'))('DEBUG PAUSE-CRON leaves what has expired where it is', async () => {
  for (const port of Object.values(ports())) {
    const open = await RawConnection.open(port);
    await open.call('FLUSHALL');
    expect(await open.call('DEBUG', 'PAUSE-CRON', '1')).toBe('+OK\r\n');
    await open.call('SET', 'gone', 'x', 'PX', '1');
    await sleep(400);
    expect(await open.call('DBSIZE')).toBe(':1\r\n');
    await open.call('DEBUG', 'PAUSE-CRON', '0');
    await poll('the key to be swept', async () => (await open.call('DBSIZE')) === ':0\r\n');
    open.close();
  }
});
same('COMMAND GETKEYS of channels and of numbers that count no keys', [
  'command getkeysandflags spublish a b',
  'command getkeys spublish a b',
  'command getkeys ssubscribe a b',
  'command getkeys eval bar 2',
  'command getkeys eval bar -1 k',
  'command getkeys eval bar x k',
  'command getkeys fcall f 3 a',
  'command getkeys zunion 5 a b',
  'command getkeys xread streams a b c',
]);
same('arguments of REPLICAOF and PUBSUB', [
  'replicaof a x',
  'replicaof a 99999',
  'pubsub channels * x',
  'pubsub shardchannels * x',
  'pubsub numpat x',
]);
same('ACL SETUSER with an empty pattern', [
  'acl setuser u on nopass %R +get',
  'acl dryrun u get ""',
  'acl setuser u %RW',
  'acl setuser u %RR',
  'acl setuser u %Rx',
  'acl dryrun u get ""',
  'acl deluser u',
]);
