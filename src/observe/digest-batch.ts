import type { Client } from './client.ts';
import { ErrorReply } from './reply.ts';

/** What many keys hold together. */
export interface BatchDigest {
  /** Equal on two servers when all the keys are there with the same type, content and expiry. */
  readonly digest: string;
  /** Keys past what may be read in one go without holding the server up: their content is not in it. */
  readonly large: readonly Buffer[];
}

/** Elements, and bytes / 100 of strings, that one look may read: a few milliseconds. */
const MOST = 5_000;

/**
 * One digest for up to a few hundred keys of the selected database, computed by the server in one round trip (a read
 * only script, EVAL on servers before 7.0; a command of the bundled server's own). null when the server refuses that.
 *
 * As `fingerprint`, in a form that engines and versions have in common: sets and hashes sorted, scores as numbers.
 * `readsExpiryTimes` is for PEXPIRETIME, which 7.0 brought; before it only whether a key expires is compared.
 */
export async function digestBatch(
  client: Client,
  keys: readonly Buffer[],
  { readsExpiryTimes, isBundled }: { readonly readsExpiryTimes: boolean; readonly isBundled: boolean },
): Promise<BatchDigest | null> {
  const script = [SCRIPT, String(keys.length), ...keys, readsExpiryTimes ? '1' : '0', String(MOST)];
  const command = isBundled
    ? ['DEBUG', 'DIGEST-BATCH', String(MOST), ...keys]
    : [readsExpiryTimes ? 'EVAL_RO' : 'EVAL', ...script];
  const [reply = null] = await client.pipelineRaw([command]);
  if (reply instanceof ErrorReply || !Array.isArray(reply)) return null;
  const [digest, ...large] = reply;
  return { digest: String(digest), large: large.flatMap((index) => keys[Number(index) - 1] ?? []) };
}

/** Lengths before contents, so that no two different things are the same bytes; folded before they grow. */
const SCRIPT = `
local exact, left = ARGV[1] == '1', tonumber(ARGV[2])
local parts, n, bytes = {}, 0, 0
local function put(s)
  parts[n + 1], parts[n + 2] = #s, s
  n, bytes = n + 2, bytes + #s
  if bytes > 65536 then
    parts = {redis.sha1hex(table.concat(parts, ':'))}
    n, bytes = 1, 0
  end
end
local function putAll(value)
  if type(value) == 'table' then
    put('*' .. #value)
    for _, item in ipairs(value) do putAll(item) end
  else put(tostring(value)) end
end
local known = {name = true, pending = true, ['last-delivered-id'] = true}
local count = {string = 'STRLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN', stream = 'XLEN'}
local read = {
  string = function(key) put(redis.call('GET', key)) end,
  list = function(key) putAll(redis.call('LRANGE', key, 0, -1)) end,
  set = function(key)
    local members = redis.call('SMEMBERS', key)
    table.sort(members)
    putAll(members)
  end,
  zset = function(key)
    local flat = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 1, #flat, 2 do
      put(flat[i])
      put((string.gsub(string.format('%.16e', tonumber(flat[i + 1])), 'e([+-])0', 'e%1')))
    end
  end,
  hash = function(key)
    local flat, fields, values = redis.call('HGETALL', key), {}, {}
    for i = 1, #flat, 2 do
      fields[#fields + 1] = flat[i]
      values[flat[i]] = flat[i + 1]
    end
    table.sort(fields)
    for _, field in ipairs(fields) do
      put(field)
      put(values[field])
    end
  end,
  stream = function(key)
    putAll(redis.call('XRANGE', key, '-', '+'))
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
      for i = 1, #group, 2 do
        if known[group[i]] then putAll(group[i + 1]) end
      end
    end
  end,
}
local reply = {''}
for index, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  put(kind)
  if kind ~= 'none' then
    if exact then put(tostring(redis.call('PEXPIRETIME', key)))
    else put(redis.call('PTTL', key) >= 0 and 'set' or '-1') end
    local size = read[kind] and redis.call(count[kind], key) or 0
    local cost = kind == 'string' and math.floor(size / 100) or size
    if read[kind] == nil or cost > left then reply[#reply + 1] = index
    else
      left = left - cost
      put(tostring(size))
      read[kind](key)
    end
  end
end
reply[1] = redis.sha1hex(table.concat(parts, ':'))
return reply`;
