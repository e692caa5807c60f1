import { conformance, type Line } from './conformance.ts';

const { same } = conformance();

/** Each result as text, and what is raised with its place. */
const ALL =
  "local function all(...) local r = {} for i = 1, select('#', ...) do r[i] = tostring((select(i, ...))) end return r end";
const evaluate = (...scripts: string[]): Line[] =>
  scripts.map((script) => ['eval', `${ALL} return all(${script})`, '0']);
const run = (...scripts: string[]): Line[] => scripts.map((script) => ['eval', script, '0']);

const TEXTS = [
  "'hello world'",
  "''",
  "'a.b*c'",
  "'x\\0y\\0'",
  "'((a)(b)) c'",
  "'THE (quick) fox'",
  "'\\127\\200é'",
];
const PATTERNS = [
  "''",
  "'l'",
  "'l+'",
  "'%w*'",
  "'%w-'",
  "'^h?'",
  "'o$'",
  "'$'",
  "'^'",
  "'^$'",
  "'()l()'",
  "'(.)(.)'",
  "'(.)%1'",
  "'((.).)'",
  "'[a-f]'",
  "'[^a-f%s]+'",
  "'[]]'",
  "'[^]]'",
  "'[%]%-x]'",
  "'[a-]'",
  "'%b()'",
  "'%f[%w]%w+'",
  "'%f[%z]'",
  "'.-$'",
  "'%z'",
  "'x\\0y'",
  "'%g'",
  "'%S+'",
  "'%A'",
  "'%P-%p'",
  "'a?b?c?'",
  "'%.'",
  "'.%*'",
  "'[%a_][%w_]*'",
];

/** All that a pattern gives in a text, one table for each function. */
const everything = (text: string, pattern: string): Line => [
  'eval',
  `${ALL} local s, p = ${text}, ${pattern}
    return {
      all(pcall(string.find, s, p)),
      all(pcall(string.match, s, p, 2)),
      all(pcall(string.gsub, s, p, '<%0>')),
      all(pcall(string.gsub, s, p, function(...) return #{...} .. ':' .. tostring((...)) end, 3)),
      all(pcall(function() local r = {} for a, b in string.gmatch(s, p) do r[#r + 1] = tostring(a) .. '|' .. tostring(b) end return unpack(r) end)),
    }`,
  '0',
];
for (const text of TEXTS) {
  same(
    `patterns in ${text}`,
    PATTERNS.map((pattern) => everything(text, pattern)),
  );
}
same(
  'patterns that are wrong',
  evaluate(
    ...[
      '%',
      '[',
      '[a',
      '[%',
      '(',
      ')',
      '(()',
      '%b',
      '%bx',
      '%f',
      '%fa',
      '%1',
      '(%1)',
      '%2',
      '('.repeat(33),
      '%0',
    ].flatMap((pattern) => [
      `string.find('abc', '${pattern}')`,
      `string.gsub('abc', '${pattern}', '')`,
      `string.gmatch('abc', '${pattern}')()`,
    ]),
  ),
);
same('find from a place, and plainly', [
  ...evaluate(
    ...[0, 1, 3, 5, 6, 9, -1, -3, -9, '1e9', 'nil', "'2'", '2.7'].flatMap((from) => [
      `string.find('hello', 'l', ${from})`,
      `string.find('hello', '', ${from})`,
      `string.find('hello', 'l', ${from}, true)`,
      `string.match('hello', '^l', ${from})`,
    ]),
    "string.find('a+b', '+', 1, true)",
    "string.find('a+b', '+', 1, false)",
    "string.find('a\\0b', '\\0')",
    'string.find(123, 2)',
    "('x'):find({})",
    'string.find()',
    "string.find('a')",
    "string.find('a', 'b', {})",
    "string.find(nil, 'b')",
  ),
]);
same('gsub', [
  ...evaluate(
    "string.gsub('hello', 'l', {l = 'L'})",
    "string.gsub('hello', '.', {h = 1, e = false, o = 2.5})",
    "string.gsub('hello', '.', setmetatable({}, {__index = function(_, k) return k .. k end}))",
    "string.gsub('hello', '.', setmetatable({}, {__index = {l = 'r'}}))",
    "string.gsub('hello', '.', setmetatable({}, {__index = 5}))",
    "string.gsub('hello', 'l', {l = {}})",
    "string.gsub('hello', 'l', function() return {} end)",
    "string.gsub('hello', 'l', function() return true end)",
    "string.gsub('hello', 'l', function() return nil end)",
    "string.gsub('hello', 'l', function() end)",
    "string.gsub('hello', 'l', function() return 1, 2 end)",
    "string.gsub('hello', 'l', function() error('no') end)",
    "string.gsub('hello', 'l', function() error({err = 'MY error'}) end)",
    "pcall(string.gsub, 'hello', 'l', function() error('no') end)",
    "pcall(string.gsub, 'hello', 'l', function() return redis.call('nope') end)",
    "string.gsub('hello', 'l', '%')",
    "string.gsub('hello', 'l', '%%')",
    "string.gsub('hello', 'l', '%x')",
    "string.gsub('hello', 'l', '%1')",
    "string.gsub('hello', 'l', '%2')",
    "string.gsub('hello', '()l', '%1')",
    "string.gsub('hello', '(l)(l)', '%2%1%0')",
    "string.gsub('hello', 'l', 7)",
    "string.gsub('hello', 'l', 'x', 0)",
    "string.gsub('hello', 'l', 'x', 1)",
    "string.gsub('hello', 'l', 'x', -1)",
    "string.gsub('hello', '', '-')",
    "string.gsub('hello', '', '-', 2)",
    "string.gsub('hello world', '%w*', 'x')",
    "string.gsub('abc', '^a', 'x')",
    "string.gsub('aaa', '^a', 'x')",
    'string.gsub(12321, 2, 3)',
    "string.gsub('hello', 'l')",
    "string.gsub('hello', 'l', nil)",
    "string.gsub('hello', 'l', true)",
    "string.gsub('hello')",
    'string.gsub()',
    "('x'):gsub({}, 'a')",
    "('x'):gsub('a', print)",
    "string.gsub('abc', '%w', '%0%0', 2)",
  ),
]);
same('table.sort', [
  ...run(
    'local t = {3, 1, 2} table.sort(t) return t',
    "local t = {'b', 'a', 'B', '', 'ab', 'a\\0b', 'a\\0a'} table.sort(t) return t",
    'local t = {3, 1, 2, 5, 4, 9, 7} table.sort(t, function(a, b) return a > b end) return t',
    'local t = {} for i = 1, 100 do t[i] = (i * 37) % 101 end table.sort(t) return t',
    // What is asked, in which order.
    "local t, asked = {3, 1, 2, 5, 4, 9, 7, 8, 6}, {} table.sort(t, function(a, b) asked[#asked + 1] = a .. '<' .. b return a < b end) return asked",
    "local t, asked = {}, {} for i = 1, 30 do t[i] = i * 7 % 11 end table.sort(t, function(a, b) asked[#asked + 1] = a .. '<' .. b return a < b end) return asked",
    'local t = {3, 1, 2, 5, 4} table.sort(t, function() return true end) return t',
    'local t = {1, 2, 3} table.sort(t, function() return true end) return t',
    'local t = {} for i = 1, 50 do t[i] = i end table.sort(t, function() return true end) return t',
    'local t = {5, 5, 5, 5, 5, 5, 5} table.sort(t, function(a, b) return a <= b end) return t',
    'local t = {3, 1, 2, 5, 4} table.sort(t, function() return false end) return t',
    "local t = {3, 'a', 2} table.sort(t) return t",
    'local t = {{}, {}} table.sort(t) return t',
    'local t = {true, false} table.sort(t) return t',
    "local t = {1, 'a'} return {pcall(table.sort, t)}",
    'local t = {{}, 1} return {pcall(table.sort, t)}',
    'local m = {__lt = function(a, b) return a[1] < b[1] end} local t = {} for i, v in ipairs({3, 1, 2}) do t[i] = setmetatable({v}, m) end table.sort(t) return {t[1][1], t[2][1], t[3][1]}',
    'local a, b = setmetatable({}, {__lt = function() return true end}), setmetatable({}, {__lt = function() return true end}) table.sort({a, b}) return 1',
    "table.sort({2, 1, 3}, function(a, b) error('no') end)",
    "table.sort({2, 1, 3}, function(a, b) error({err = 'MY no'}) end)",
    "return {pcall(table.sort, {2, 1}, function() return redis.call('nope') end)}",
    'table.sort()',
    'table.sort(5)',
    'table.sort({}, 5)',
    'table.sort({1, 2}, nil) return 1',
    'table.sort({2, 1}, {}) return 1',
    'table.sort(string) return 1',
    'table.sort(KEYS) return KEYS',
    "local t = {3, 1, 2} return {pcall(function() table.sort(t, 'x') end)}",
  ),
]);
same('what tables are given', [
  ...run(
    'local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) table.insert(t, 9, 9) return {#t, t[1], t[2], t[5], tostring(t[9])}',
    'local t = {1, 2} table.insert(t, -1, 5) return {t[-1], t[1], t[2], t[3]}',
    'table.insert({})',
    'table.insert({}, 1, 2, 3)',
    "table.insert({}, 'x', 2)",
    "local t = {} table.insert(t, '1', 2) return t",
    'table.insert(nil, 1)',
    'table.insert({}, nil) return 1',
    'local t = {1, 2, 3} return {table.remove(t), table.remove(t, 1), #t, tostring(table.remove(t, 7)), tostring(table.remove({}))}',
    'local t = {1, 2, 3} return {tostring(table.remove(t, 0)), tostring(table.remove(t, 4)), #t}',
    "return select('#', table.remove({}))",
    'table.remove()',
    "return table.concat({1, 2, 'x', 2.5}, ', ')",
    "return {table.concat({}), table.concat({1, 2, 3}, '-', 2), table.concat({1, 2, 3}, '-', 2, 2), table.concat({1, 2}, '-', 3)}",
    'return table.concat({1, {}, 3})',
    "return table.concat({1, 2}, '-', 1, 3)",
    'return table.concat({1, 2}, {})',
    'return table.concat(5)',
    'return table.concat({1, 2}, 5)',
    'return table.concat(setmetatable({}, {__index = function() return 1 end, __len = function() return 3 end}))',
    'return {table.foreach({5, 6}, function(k, v) if k == 2 then return v end end), tostring(table.foreach({}, function() end))}',
    'return table.foreachi({5, 6, 7}, function(k, v) if v == 6 then return k end end)',
    'table.foreach()',
    'table.foreach({}, 1)',
    'table.foreachi({1})',
    'local seen = {} table.foreach({1, 2, a = 3}, function(k, v) seen[#seen + 1] = tostring(k) end) return seen',
    'local t = {1, 2, 3} local n = 0 table.foreach(t, function(k) t[k] = nil n = n + 1 end) return {n, #t}',
  ),
]);
same('what can not be left by coroutine.yield', [
  ...run(
    'return {coroutine.wrap(function() table.sort({2, 1}, function(a, b) coroutine.yield(7) return a < b end) return 8 end)()}',
    "return {coroutine.wrap(function() return (string.gsub('x', 'x', function() coroutine.yield(7) end)) end)()}",
    'return {coroutine.wrap(function() table.foreach({1}, coroutine.yield) end)()}',
    'return {coroutine.wrap(function() return pcall(function() coroutine.yield(7) end) end)()}',
    'return {coroutine.wrap(function() coroutine.yield(7) end)()}',
    'local f = coroutine.wrap(function() local a = coroutine.yield(1) coroutine.yield(a + 1) return 3 end) return {f(), f(5), f()}',
  ),
]);
same('load', [
  ...run(
    "local pieces = {'return ', '4', '2'} return load(function() return table.remove(pieces, 1) end)()",
    'return tostring(load(function() return {} end))',
    "local f, e = load(function() error('no') end) return {tostring(f), type(e)}",
    'local f, e = load(function() return nil end) return {type(f), tostring(e)}',
    "load('return 1')",
    'load()',
    "local n = 0 return {load(function() n = n + 1 if n == 1 then return 'x x' end end)}",
  ),
]);
