import type { Redis } from 'ioredis';

/**
 * Everything a server holds in some databases, as text that can be compared: values in canonical order, and when each
 * expires, or only whether it does where `expiry` says so: Redis before 7.0 tells no absolute times.
 */
export async function readDataset(
  client: Redis,
  databases: readonly number[] = [0, 3],
  expiry: 'PEXPIRETIME' | 'PTTL' = 'PEXPIRETIME',
): Promise<string> {
  const lines: string[] = [];
  for (const db of databases) {
    await client.select(db);
    const keys = (await client.keys('*')).sort();
    const types = await Promise.all(keys.map((key) => client.type(key)));
    const values = await Promise.all(keys.map((key, index) => readValue(client, key, types[index] ?? '')));
    const expiries = await Promise.all(keys.map((key) => client.call(expiry, key)));
    keys.forEach((key, index) => {
      const expires = expiry === 'PTTL' ? Math.sign(Number(expiries[index])) : String(expiries[index]);
      lines.push(`${db} ${types[index]} ${key} ${expires} ${JSON.stringify(values[index])}`);
    });
  }
  await client.select(0);
  return lines.join('\n');
}

async function readValue(client: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case 'string':
      return client.get(key);
    case 'list':
      return client.lrange(key, 0, -1);
    case 'set':
      return (await client.smembers(key)).sort();
    case 'zset':
      // Redis 7.0 prints scores with 17 digits, later ones as short as they can be.
      return (await client.zrange(key, '0', '-1', 'WITHSCORES')).map((text, at) =>
        at % 2 === 0 ? text : Number(text),
      );
    case 'hash':
      return Object.entries(await client.hgetall(key)).sort(([a], [b]) => (a < b ? -1 : 1));
    case 'stream':
      return [await client.xrange(key, '-', '+'), await client.xinfo('GROUPS', key)];
    default:
      throw new Error(`unexpected type ${type} of ${key}`);
  }
}
