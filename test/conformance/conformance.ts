import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { splitInline } from '../../src/server/resp/request-parser.ts';
import { startBundledServer, type BundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { untilBlocked, untilGone } from '../support/connections.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer, type RealServer } from '../support/real-server.ts';

/**
 * Differential tests: the same commands to the bundled server and to a real redis-server, raw replies compared byte
 * by byte, in RESP2 and again in RESP3. In a test file:
 *
 *     const { same } = conformance();
 *     same('LPUSH and LRANGE', ['lpush l a b', 'lrange l 0 -1', 'lpush l']);
 *
 * A line is a command as typed into redis-cli ("quotes" and \x00 work), or an array of arguments. Other connections:
 * `@b get k` runs on connection b, `@b! blpop l 0` sends what blocks and waits until it does, `@b?` reads a reply that
 * is due. `~ 50` waits 50 ms. `raw PING\r\n` sends the bytes as they are.
 *
 * Each test starts with FLUSHALL on both.
 */
export type Line = string | readonly string[];

export interface SameOptions {
  /** Only RESP2, or only RESP3. */
  readonly resp?: 2 | 3;
  /** Replies are compared with the elements of the outermost array (or set, map) sorted. */
  readonly isUnordered?: boolean;
  /** What to blank out before comparing: times, ids, addresses. */
  readonly mask?: RegExp;
  /** Lines whose replies are not compared, with the reason (Redis 7.0 differs from 7.2, mostly). */
  readonly except?: Readonly<Record<string, string>>;
}

export interface Conformance {
  readonly same: (title: string, lines: readonly Line[], options?: SameOptions) => void;
  /** Ports, once the tests run: for whatever `same` can't say. */
  readonly ports: () => { readonly bundled: number; readonly redis: number };
}

const IS_REDIS_THERE = hasEngine('redis');

/** Starts the pair of servers for a test file, both with the same flags. */
export function conformance(flags: readonly string[] = []): Conformance {
  let bundled: BundledServer | undefined;
  let redis: RealServer | undefined;
  beforeAll(async () => {
    if (!IS_REDIS_THERE) return;
    [bundled, redis] = await Promise.all([startBundledServer(flags), startRealServer('redis-server', flags)]);
  });
  afterAll(async () => {
    await Promise.all([bundled?.stop(), redis?.stop()]);
  });
  const ports = (): { bundled: number; redis: number } => ({
    bundled: bundled?.port ?? 0,
    redis: redis?.port ?? 0,
  });
  return {
    ports,
    same(title, lines, options = {}) {
      for (const resp of options.resp === undefined ? [2, 3] : [options.resp]) {
        it.skipIf(!IS_REDIS_THERE)(`${title} (RESP${resp})`, async () => {
          const { bundled, redis } = ports();
          const [ours, theirs] = await Promise.all([
            transcript(bundled, resp, lines, options),
            transcript(redis, resp, lines, options),
          ]);
          expect(ours).toEqual(theirs);
        });
      }
    },
  };
}

/** What came back for each line, as `line → reply`. */
async function transcript(
  port: number,
  resp: number,
  lines: readonly Line[],
  options: SameOptions,
): Promise<string[]> {
  const connections = new Map<string, RawConnection>();
  const connection = async (name: string): Promise<RawConnection> => {
    const known = connections.get(name);
    if (known !== undefined) return known;
    const opened = await RawConnection.open(port);
    connections.set(name, opened);
    if (resp === 3) await opened.call('HELLO', '3');
    return opened;
  };
  const seen: string[] = [];
  try {
    await (await connection('')).call('FLUSHALL');
    for (const line of lines) {
      const shown = typeof line === 'string' ? line : line.join(' ');
      const reply = await runLine(port, line, connection);
      if (reply === undefined) continue;
      seen.push(
        `${shown} → ${options.except?.[shown] === undefined ? comparable(timeless(shown, reply), options) : '(except)'}`,
      );
    }
  } finally {
    for (const open of connections.values()) open.close();
    // What they subscribed to would be counted in the next test.
    await untilGone(port, [...connections.values()]);
  }
  return seen;
}

async function runLine(
  port: number,
  line: Line,
  connection: (name: string) => Promise<RawConnection>,
): Promise<string | undefined> {
  if (typeof line !== 'string') return (await connection('')).call(...line);
  if (line.startsWith('~ ')) {
    await sleep(Number(line.slice(2)));
    return undefined;
  }
  const [, name = '', how = '', text = ''] = /^(?:@(\w+)([!?]?) ?)?(.*)$/s.exec(line) ?? [];
  const open = await connection(name);
  if (how === '?') return open.read();
  if (text.startsWith('raw ')) {
    open.sendBytes(text.slice(4).replace(/\\r/g, '\r').replace(/\\n/g, '\n').replace(/\\0/g, '\0'));
  } else {
    open.send(splitInline(text) ?? []);
  }
  if (how !== '!') return open.read();
  await untilBlocked(port, open);
  return undefined;
}

/** Seconds that count down or up, in steps of 50: the two servers are not asked at the same moment. */
function timeless(line: string, reply: string): string {
  const steps = Number(/^:(\d+)/.exec(reply)?.[1]) / 50;
  if (/^ttl /i.test(line) && steps > 0) return `:${Math.ceil(steps) * 50}\r\n`;
  if (/^object idletime /i.test(line) && steps >= 0) return `:${Math.floor(steps) * 50}\r\n`;
  return reply;
}

function comparable(reply: string, { isUnordered = false, mask }: SameOptions): string {
  // A word that changed in 7.2.
  const known = reply.replace('Prints this help.', 'Print this help.');
  const masked = mask === undefined ? known : known.replace(mask, '…');
  return JSON.stringify(isUnordered ? sorted(masked) : masked);
}

function sorted(reply: string): string {
  const [header = '', ...rest] = reply.split('\r\n');
  return [header, ...rest.sort()].join('\r\n');
}
