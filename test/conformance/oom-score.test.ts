import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { startRealServer } from '../support/real-server.ts';

/** A server's out-of-memory score after each step, the score it had at first, and what it answered. */
async function courseOf(port: number): Promise<readonly (readonly [answer: unknown, score: number])[]> {
  const client = new Redis(port);
  const pid = /process_id:(\d+)/.exec(await client.info('server'))?.[1] ?? '';
  const steps = [
    ['config', 'set', 'oom-score-adj-values', '300 400 500'],
    ['config', 'set', 'oom-score-adj', 'relative'],
    ['config', 'set', 'oom-score-adj-values', '310 410 510'],
    ['replicaof', '127.0.0.1', '1'],
    ['config', 'set', 'oom-score-adj', 'absolute', 'oom-score-adj-values', '320 420 520'],
    ['replicaof', 'no', 'one'],
    ['config', 'set', 'oom-score-adj-values', '1700 1800 1900'],
    ['config', 'set', 'oom-score-adj-values', '330 430 2001'],
    ['config', 'set', 'oom-score-adj', 'no'],
    ['config', 'set', 'oom-score-adj-values', '340 440 540'],
    ['config', 'get', 'oom-score-adj-values'],
  ] as const;
  const course: (readonly [unknown, number])[] = [];
  for (const [name, ...args] of steps) {
    const answer = await client.call(name, ...args).catch((error: unknown) => String(error));
    course.push([answer, Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1'))]);
  }
  client.disconnect();
  return course;
}

describe.skipIf(!hasEngine('redis'))('oom-score-adj', () => {
  it('follows the directives and the role as in redis-server', async () => {
    const [bundled, real] = await Promise.all([startBundledServer(), startRealServer('redis-server')]);
    try {
      const base = Number(readFileSync('/proc/self/oom_score_adj', 'latin1'));
      const course = await courseOf(bundled.port);
      expect(course.slice(0, 9).map(([, score]) => score)).toEqual([
        base,
        base + 300,
        base + 310,
        base + 410,
        420,
        320,
        1000,
        1000,
        base,
      ]);
      expect(course).toEqual(await courseOf(real.port));
    } finally {
      await Promise.all([bundled.stop(), real.stop()]);
    }
  });

  it('applies from the start', async () => {
    const flags = ['--oom-score-adj', 'absolute', '--oom-score-adj-values', '250 350 450'];
    const server = await startBundledServer(flags);
    try {
      expect(Number(readFileSync(`/proc/${String(server.pid)}/oom_score_adj`, 'latin1'))).toBe(250);
    } finally {
      await server.stop();
    }
  });
});
