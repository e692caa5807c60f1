import { expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { conformance } from './conformance.ts';

const { same, ports } = conformance();

const library = (name: string, body: string, ...options: string[]): string[] => [
  'function',
  'load',
  ...options,
  `#!lua name=${name}\n${body}`,
];
const X =
  "redis.register_function('x', function(keys, args) return {keys, args, redis.call('get', 'x')} end)";
const Y =
  "redis.register_function{function_name='y', callback=function() return redis.call('set', 'x', 1) end, flags={'no-writes'}, description='dd'}";

same('FUNCTION and FCALL', [
  'function flush',
  library('l1', X),
  'set x value',
  'fcall x 1 a b',
  'fcall x 0',
  'fcall x a',
  'fcall x 5',
  'fcall nope 0',
  'fcall_ro x 0',
  'function list',
  'function list withcode libraryname l*',
  'function list libraryname z*',
  'function list foo',
  'function list libraryname',
  library('l1', X),
  library('l1', Y, 'REPLACE'),
  'fcall y 0',
  'fcall_ro y 0',
  'function list',
  'function stats',
  library('l2', Y),
  library('l3', Y, 'FOO'),
  'function kill',
  'function delete l9',
  'function delete l1',
  'fcall y 0',
  'function flush foo',
  'function flush async',
  'function list',
  'function help',
]);
same('what a library sees while it loads', [
  'function flush',
  ...[
    "local a = string.format('%d', 1)",
    'local a = tostring(1)',
    'pcall(function() end)',
    'local a = redis.call',
    'local a = redis.sha1hex',
    'local a = cjson',
    'a = 1',
    "redis.log(redis.LOG_NOTICE, 'x')",
    'local a = _G',
    'local a = _VERSION',
    'local a = redis.REDIS_VERSION',
    'setmetatable(redis, {})',
    'redis.x = 1',
    'local mt = getmetatable(_G)',
    'local a = math.random()',
  ].map((line) => library('l', `${line}\n${X}`, 'replace')),
  library(
    'l',
    "redis.register_function('z', function() return {string.format('%d', 2), type(cjson), tostring(math.pi), type(redis.call)} end)",
    'replace',
  ),
  'fcall z 0',
]);
same('what FUNCTION LOAD refuses', [
  'function flush',
  ['function', 'load', 'local x'],
  ['function', 'load', '#!lua\nreturn 1'],
  ['function', 'load', '#!js name=x\nreturn 1'],
  library('l', 'return 1'),
  library('l-1', 'return 1'),
  library('l', "redis.call('get', 'x')"),
  library('l', "redis.register_function('z')"),
  library('l', "redis.register_function('z-', function() end)"),
  library('l', 'redis.register_function(1, 2, 3)'),
  library('l', 'redis.register_function{a=1}'),
  library('l', "redis.register_function{function_name='q'}"),
  library('l', "redis.register_function{function_name='q', callback=1}"),
  library('l', "redis.register_function{function_name='q', callback=function() end, flags={'nope'}}"),
  library('l', "redis.register_function('q', function() end) redis.register_function('q', function() end)"),
  library('l', 'a = 1'),
  library('l', 'return a'),
  library('l foo=1', 'return a'),
  library('l', 'x ='),
  'function load',
  'function restore abc',
  'function restore abc FOO',
  'function list',
]);
same('errors in functions', [
  'function flush',
  library(
    'l',
    "redis.register_function('e', function() return error('foo') end) redis.register_function('g', function() return nothing end) redis.register_function('c', function() return redis.call('nope') end)",
  ),
  'fcall e 0',
  'fcall g 0',
  'fcall c 0',
  'function flush',
]);

it.skipIf(!hasEngine('redis'))('takes the libraries that redis-server dumps, and the reverse', async () => {
  const { bundled, redis } = ports();
  const [ours, theirs] = await Promise.all([RawConnection.open(bundled), RawConnection.open(redis)]);
  const dump = async (from: RawConnection): Promise<string> => {
    const reply = await from.call('FUNCTION', 'DUMP');
    return reply.slice(reply.indexOf('\r\n') + 2, -2);
  };
  try {
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      await from.call('FUNCTION', 'FLUSH');
      await to.call('FUNCTION', 'FLUSH');
      await from.call(...library('l1', X));
      await from.call(...library('l2', Y));
      expect(await to.call('FUNCTION', 'RESTORE', await dump(from))).toBe('+OK\r\n');
      expect(await to.call('FCALL', 'x', '0')).toMatch(/^\*/);
      expect(await to.call('FUNCTION', 'RESTORE', await dump(from), 'APPEND')).toMatch(
        /^-ERR Library l\d already exists/,
      );
      expect(await to.call('FUNCTION', 'RESTORE', await dump(from), 'REPLACE')).toBe('+OK\r\n');
    }
  } finally {
    ours.close();
    theirs.close();
  }
});
