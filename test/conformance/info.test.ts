import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALL_SECTIONS } from '../../src/server/admin/info.ts';
import { startBundledServer, type BundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { startRealServer, type RealServer } from '../support/real-server.ts';

/** Shown only while something is so, or only by a build with jemalloc. */
const SOMETIMES = /^(slave\d|cmdstat_|errorstat_|latency_percentiles|db\d|module)/;

describe.skipIf(!hasEngine('redis'))('INFO', () => {
  let bundled: BundledServer;
  let real: RealServer;
  let ours: Redis;
  let theirs: Redis;

  beforeAll(async () => {
    [bundled, real] = await Promise.all([startBundledServer(), startRealServer('redis-server')]);
    [ours, theirs] = [new Redis(bundled.port), new Redis(real.port)];
    for (const client of [ours, theirs]) {
      await client.set('k', 'v', 'EX', 100_000);
      await client.call('NOPE').catch(() => undefined);
    }
  });
  afterAll(async () => {
    ours.disconnect();
    theirs.disconnect();
    await Promise.all([bundled.stop(), real.stop()]);
  });

  const names = async (client: Redis, section: string): Promise<string[]> =>
    (await client.info(section))
      .split('\r\n')
      .filter((line) => line !== '')
      .map((line) => (line.startsWith('#') ? line : (line.split(':')[0] ?? '')));

  it.each(ALL_SECTIONS)('has the fields of section %s, in order', async (section) => {
    const wanted = (await names(theirs, section)).filter((name) => !SOMETIMES.test(name));
    const own = await names(ours, section);
    expect(own.filter((name) => wanted.includes(name))).toEqual(wanted);
  });

  it('counts keys, commands and errors alike', async () => {
    const keyspace = async (client: Redis): Promise<string> =>
      (await client.info('keyspace')).replace(/avg_ttl=\d+/, '');
    expect(await keyspace(ours)).toBe(await keyspace(theirs));
    expect(await ours.info('errorstats')).toMatch(/errorstat_ERR:count=\d+\r\n/);
    expect(await ours.info('commandstats')).toMatch(
      /cmdstat_set:calls=1,usec=\d+,usec_per_call=[\d.]+,rejected_calls=0,failed_calls=0/,
    );
    expect(await ours.info('latencystats')).toMatch(
      /latency_percentiles_usec_set:p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+/,
    );
  });

  it('shows the sections asked for', async () => {
    const titles = async (client: Redis, ...sections: string[]): Promise<string[]> =>
      String(await client.call('INFO', ...sections))
        .split('\r\n')
        .filter((line) => line.startsWith('#'));
    for (const sections of [
      [],
      ['all'],
      ['everything'],
      ['default'],
      ['cpu', 'SERVER'],
      ['keyspace', 'nope'],
      ['nope'],
    ])
      expect(await titles(ours, ...sections)).toEqual(await titles(theirs, ...sections));
  });
});
