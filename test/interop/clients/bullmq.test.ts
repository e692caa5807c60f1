import { FlowProducer, Queue, QueueEvents, Worker, type ConnectionOptions, type Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { poll } from '../../support/poll.ts';
import { onEachEngine } from './on-each-engine.ts';

onEachEngine('BullMQ', (port) => {
  let connection: ConnectionOptions;
  const closing: { close(): Promise<unknown> }[] = [];
  const keep = <T extends { close(): Promise<unknown> }>(made: T): T => {
    closing.push(made);
    return made;
  };
  const work = (name: string, process: (job: Job) => Promise<unknown>, concurrency = 1): Worker =>
    keep(new Worker(name, process, { connection, concurrency }));

  beforeAll(() => {
    connection = { host: '127.0.0.1', port: port() };
  });
  afterEach(async () => {
    for (const each of closing.splice(0).reverse()) await each.close();
  });
  afterAll(async () => {
    for (const each of closing.splice(0)) await each.close();
  });

  it('does a hundred jobs once each and tells of it', async () => {
    const events = keep(new QueueEvents('many', { connection, lastEventId: '0' }));
    await events.waitUntilReady();
    const told = new Set<string>();
    events.on('completed', ({ jobId }) => told.add(jobId));
    const queue = keep(new Queue<{ n: number }>('many', { connection }));
    await queue.addBulk(Array.from({ length: 100 }, (_, n) => ({ name: 'square', data: { n } })));
    let runs = 0;
    work('many', async (job) => ((runs += 1), job.data.n ** 2), 10);
    await poll('all jobs to be told as completed', async () => told.size === 100);
    expect(runs).toBe(100);
    const done = await queue.getCompleted(0, 200);
    expect(done.map(({ data, returnvalue }) => returnvalue === data.n ** 2)).toEqual(
      Array.from({ length: 100 }, () => true),
    );
    expect(await queue.getJobCounts('waiting', 'active', 'completed', 'failed')).toEqual({
      waiting: 0,
      active: 0,
      completed: 100,
      failed: 0,
    });
  });

  it('does a delayed job late, and not before', async () => {
    const queue = keep(new Queue('delayed', { connection }));
    work('delayed', async () => undefined);
    const job = await queue.add('late', {}, { delay: 700 });
    await poll('the late job', async () => (await job.getState()) === 'completed');
    const finished = await queue.getJob(job.id ?? '');
    expect((finished?.processedOn ?? 0) - (finished?.timestamp ?? 0)).toBeGreaterThanOrEqual(700);
  });

  it('tries again what failed, with growing pauses, and gives up in the end', async () => {
    const queue = keep(new Queue('retries', { connection }));
    const attempts: number[] = [];
    work('retries', async (job) => {
      attempts.push(job.attemptsMade);
      if (job.name === 'hopeless' || job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
      return 'at last';
    });
    const job = await queue.add('third', {}, { attempts: 3, backoff: { type: 'exponential', delay: 50 } });
    await poll('the third attempt', async () => (await job.getState()) === 'completed');
    expect(attempts).toEqual([0, 1, 2]);
    const hopeless = await queue.add('hopeless', {}, { attempts: 2 });
    await poll('it to be given up', async () => (await hopeless.getState()) === 'failed');
    const [failed] = await queue.getFailed();
    expect(failed).toMatchObject({ failedReason: 'attempt 1', attemptsMade: 2 });
  });

  it('does what is urgent first, and nothing while paused', async () => {
    const queue = keep(new Queue('priorities', { connection }));
    const order: string[] = [];
    await queue.pause();
    work('priorities', async (job) => void order.push(job.name));
    await queue.add('last', {}, { priority: 10 });
    await queue.add('second', {}, { priority: 2 });
    await queue.add('first', {}, { priority: 1 });
    await queue.add('plain', {});
    expect(order).toEqual([]);
    await queue.resume();
    await poll('all to be done', async () => order.length === 4);
    expect(order).toEqual(['plain', 'first', 'second', 'last']);
  });

  it('does a parent when its children are done', async () => {
    work('children', async (job) => `made ${job.name}`);
    work('parents', async (job) => Object.values(await job.getChildrenValues<string>()).toSorted());
    const flow = keep(new FlowProducer({ connection }));
    const tree = await flow.add({
      name: 'book',
      queueName: 'parents',
      children: [
        { name: 'cover', queueName: 'children' },
        { name: 'pages', queueName: 'children' },
      ],
    });
    await poll('the parent', async () => (await tree.job.getState()) === 'completed');
    const done = await keep(new Queue('parents', { connection })).getJob(tree.job.id ?? '');
    expect(done?.returnvalue).toEqual(['made cover', 'made pages']);
  });

  it('repeats a job by schedule, and drops it by its id', async () => {
    const queue = keep(new Queue('schedule', { connection }));
    const runs: string[] = [];
    work('schedule', async (job) => void runs.push(job.name));
    await queue.upsertJobScheduler('tick', { every: 200 }, { name: 'ticked' });
    await poll('three runs', async () => runs.length >= 3);
    expect(await queue.getJobSchedulersCount()).toBe(1);
    expect(await queue.removeJobScheduler('tick')).toBe(true);
    expect(await queue.getJobSchedulersCount()).toBe(0);
    await queue.add('once', {}, { jobId: 'same' });
    await queue.add('twice', {}, { jobId: 'same' });
    await poll('the job', async () => (await queue.getJob('same'))?.finishedOn !== undefined);
    expect(runs).toContain('once');
    expect(runs).not.toContain('twice');
    await queue.obliterate({ force: true });
    expect(await queue.getJobCountByTypes('completed', 'delayed', 'waiting')).toBe(0);
  });
});
