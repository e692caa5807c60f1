import { expect, it } from 'vitest';
import { MasterLink, type LinkTransportEvents } from '../../../src/server/replication/master-link.ts';
import type { DatasetEvents } from '../../../src/server/replication/ports.ts';

const REPLID = '0123456789'.repeat(4);
const MARK = 'm'.repeat(40);

/** A link whose connections and data set are the test's own. */
function openLink() {
  const opened: LinkTransportEvents[] = [];
  const paused: number[] = [];
  const logged: string[] = [];
  let events: DatasetEvents | undefined;
  const nothing = (): void => undefined;
  const link = new MasterLink({
    connect: (_, transportEvents) => {
      const number = opened.push(transportEvents);
      return {
        write: nothing,
        pendingBytes: 0,
        pause: () => void paused.push(number),
        resume: nothing,
        end: nothing,
        close: nothing,
      };
    },
    receiver: {
      begin: (given) => {
        events = given;
        return { write: () => events?.failed('a refused key'), end: nothing, abort: nothing };
      },
    },
    now: () => 1000,
    log: (_, text) => logged.push(text),
    settings: () => ({
      masterUser: null,
      masterAuth: null,
      port: 7000,
      announceHost: null,
      timeoutMs: 60_000,
      isFailover: false,
    }),
    phaseChanged: nothing,
    appliedPosition: () => ({ replid: REPLID, offset: 0 }),
    resumed: nothing,
    replacing: nothing,
    loaded: nothing,
    following: nothing,
    received: nothing,
    stream: nothing,
    failoverAnswered: nothing,
  });
  link.attach({ host: '127.0.0.1', port: 6379 }, null);
  link.tick();
  return { link, opened, paused, logged };
}

it.each([
  ['$EOF', `$EOF:${MARK}\r\nREDIS…${MARK}`],
  ['its length', '$6\r\nREDIS!'],
])('goes on with the next connection when a data set framed by %s is refused at once', (_, payload) => {
  const { link, opened, paused, logged } = openLink();
  const [first] = opened;
  first?.opened();
  for (const line of ['+PONG', '+OK', '+OK', '+OK', `+FULLRESYNC ${REPLID} 1`])
    first?.data(Buffer.from(`${line}\r\n`));
  expect(link.link.phase).toBe('transfer');

  first?.data(Buffer.from(payload, 'latin1'));
  expect(logged).toContain('MASTER <-> REPLICA sync failed: a refused key');
  link.tick();
  expect(opened).toHaveLength(2);
  opened[1]?.opened();
  opened[1]?.data(Buffer.from('+PONG\r\n'));
  expect(link.link.phase).toBe('receive-port-reply');
  expect(paused).not.toContain(2);
});
