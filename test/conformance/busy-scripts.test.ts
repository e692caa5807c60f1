import { afterAll, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';

const FLAGS = ['--busy-reply-threshold', '100', '--shutdown-timeout', '0'];
const LOOP = 'while true do end';
/** Where a function of a library waits for one of the script's. */
const CALLBACKS = [
  `table.sort({3, 1, 2}, function() ${LOOP} end)`,
  `string.gsub('abc', '%w', function() ${LOOP} end)`,
  `string.gsub('abc', '%w', setmetatable({}, {__index = function() ${LOOP} end}))`,
  `table.sort({setmetatable({}, {__lt = function() ${LOOP} end})}) local m = {__lt = function() ${LOOP} end} table.sort({setmetatable({}, m), setmetatable({}, m)})`,
  `table.foreach({1}, function() ${LOOP} end)`,
  `table.foreachi({1}, function() ${LOOP} end)`,
  `while true do load(function() ${LOOP} end) end`,
  `while true do pcall(table.sort, {3, 1, 2}, function() ${LOOP} end) end`,
  `coroutine.wrap(function() table.sort({3, 1, 2}, function() ${LOOP} end) end)()`,
  `tostring(setmetatable({}, {__tostring = function() ${LOOP} end}))`,
  `while true do pcall(tostring, setmetatable({}, {__tostring = function() ${LOOP} end})) end`,
  `setmetatable({}, {__newindex = function() ${LOOP} end}).x = 1`,
  `local m = {__eq = function() ${LOOP} end} return setmetatable({}, m) == setmetatable({}, m)`,
  `local m = {__concat = function() ${LOOP} end} return 'a' .. setmetatable({}, m) .. 'b'`,
];
/** Not to be killed in redis-server, which heeds no hooks in the handler of an error that a hook raised. */
const HANDLERS = [
  `xpcall(error, function() ${LOOP} end)`,
  `while true do xpcall(function() ${LOOP} end, function() ${LOOP} end) end`,
  `coroutine.wrap(function() xpcall(error, function() xpcall(error, function() ${LOOP} end) end) end)()`,
];
const LIBRARY =
  "#!lua name=l\nredis.register_function('loop', function() while true do end end) redis.register_function('f', function() return 7 end)";

const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
});

async function startBoth(): Promise<number[]> {
  const servers = await Promise.all([startBundledServer(FLAGS), startRealServer('redis-server', FLAGS)]);
  stops.push(...servers.map(({ stop }) => stop));
  return servers.map(({ port }) => port);
}

/** What a server answers to others while one connection runs something that does not end, and then to that one. */
async function transcript(
  port: number,
  before: readonly string[][],
  endless: readonly (readonly string[])[],
  meanwhile: readonly string[],
): Promise<string[]> {
  const [caller, other] = await Promise.all([RawConnection.open(port), RawConnection.open(port)]);
  try {
    for (const argv of before) await other.call(...argv);
    for (const argv of endless) caller.send(argv);
    await poll('the script to be slow', async () => (await other.call('PING')).startsWith('-BUSY'));
    const seen: string[] = [];
    for (const line of meanwhile) seen.push(`${line} → ${mask(await other.call(...line.split(' ')))}`);
    for (const argv of endless) seen.push(`${argv.join(' ')} → ${mask(await caller.read())}`);
    return seen;
  } finally {
    for (const open of [caller, other]) open.close();
  }
}

function mask(reply: string): string {
  return reply.replace(/(duration_ms\r\n):\d+/, '$1:…');
}

const MEANWHILE = [
  'GET x',
  'EVAL 1 0',
  'SCRIPT LOAD x',
  'FUNCTION STATS',
  'AUTH x',
  'CLIENT ID',
  'CONFIG GET port',
  'PUBLISH a b',
  'MULTI',
  'SET x 1',
  'EXEC',
  'MULTI',
  'DISCARD',
  'WATCH x',
  'UNWATCH',
  'REPLCONF listening-port 1',
  'PSYNC ? -1',
  'SHUTDOWN',
  'SHUTDOWN SAVE',
  'SHUTDOWN ABORT',
  'RESET',
  'NOPE',
  'GET',
];

it.skipIf(!hasEngine('redis'))('while a script or a function does not end', async () => {
  const ports = await startBoth();
  const functions = [['FUNCTION', 'LOAD', 'REPLACE', LIBRARY]];
  const cases: [string[][], string[][], string[]][] = [
    [[], [['EVAL', LOOP, '0']], [...MEANWHILE, 'FUNCTION KILL', 'SCRIPT KILL']],
    [functions, [['FCALL', 'loop', '0']], [...MEANWHILE, 'SCRIPT KILL', 'FUNCTION KILL']],
    [[], [['EVAL', 'while true do pcall(redis.call, ARGV[1]) end', '0', 'PING']], ['SCRIPT KILL']],
    [
      functions,
      [
        ['PING'],
        ['MULTI'],
        ['SET', 'n', '1'],
        ['EVAL', LOOP, '0'],
        ['INCR', 'n'],
        ['FCALL', 'f', '0'],
        ['EXEC'],
        ['GET', 'n'],
      ],
      ['GET n', 'SCRIPT KILL'],
    ],
    [
      [['SET', 'n', '5']],
      [
        ['EVAL_RO', LOOP, '0'],
        ['GET', 'n'],
      ],
      ['SCRIPT KILL'],
    ],
  ];
  for (const [before, endless, meanwhile] of cases) {
    const [ours, theirs] = await Promise.all(
      ports.map((port) => transcript(port, before, endless, meanwhile)),
    );
    expect(ours).toEqual(theirs);
  }
});

it.skipIf(!hasEngine('redis'))('after it has written, only SHUTDOWN NOSAVE ends it', async () => {
  const ports = await startBoth();
  const script = `redis.call('SET', 'a', 1) ${LOOP}`;
  const lines = ['SCRIPT KILL', 'FUNCTION KILL', 'GET a', 'SHUTDOWN NOSAVE'];
  const [ours, theirs] = await Promise.all(
    ports.map((port) => transcript(port, [], [['EVAL', script, '0']], lines)),
  );
  expect(ours).toEqual(theirs);
  expect(ours?.at(-1)).toContain('(closed)');
});

it.skipIf(!hasEngine('redis'))('in what a library calls', async () => {
  const ports = await startBoth();
  for (const script of CALLBACKS) {
    const [ours, theirs] = await Promise.all(
      ports.map((port) => transcript(port, [], [['EVAL', script, '0']], ['GET x', 'SCRIPT KILL'])),
    );
    expect(ours).toEqual(theirs);
  }
});

it('in the handler of xpcall', async () => {
  const { port, stop } = await startBundledServer(FLAGS);
  stops.push(stop);
  for (const script of HANDLERS) {
    const seen = await transcript(port, [], [['EVAL', script, '0']], ['GET x', 'SCRIPT KILL']);
    expect(seen[0]).toContain('-BUSY');
    expect(seen[1]).toBe('SCRIPT KILL → +OK\r\n');
    expect(seen[2]).toContain('Script killed by user with SCRIPT KILL');
  }
});
