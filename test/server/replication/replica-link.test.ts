import { describe, expect, it } from 'vitest';
import {
  NO_LINK,
  stepLink,
  type LinkEvent,
  type LinkSettings,
  type ReplicaLink,
} from '../../../src/server/replication/replica-link.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const master = { host: '127.0.0.1', port: 6379 };
const plain: LinkSettings = {
  masterUser: null,
  masterAuth: null,
  port: 6380,
  announceHost: null,
  timeoutMs: 60_000,
  isFailover: false,
};

/** Plays events and writes down what happens: `> sent`, `! effect`, and the phase reached. Logs are left out. */
function play(events: readonly LinkEvent[], settings = plain, from: ReplicaLink = NO_LINK) {
  let link = from;
  const transcript: string[] = [];
  for (const event of events) {
    const step = stepLink(link, event, settings);
    link = step.next;
    for (const effect of step.effects) {
      if (effect.type === 'send') transcript.push(`> ${effect.args.join(' ')}`);
      else if (effect.type === 'receive-payload') transcript.push(`! full ${JSON.stringify(effect.from)}`);
      else if (effect.type === 'resume')
        transcript.push(`! resume ${effect.position.offset} ${effect.replid}`);
      else if (effect.type !== 'log') transcript.push(`! ${effect.type}`);
    }
    transcript.push(`= ${link.phase}`);
  }
  return { link, transcript };
}

const line = (text: string, nowMs = 0): LinkEvent => ({ type: 'line', line: text, nowMs });
const attach: LinkEvent = { type: 'attach', master, position: null, nowMs: 0 };
const opened: LinkEvent = { type: 'opened', nowMs: 0 };
const handshake = [attach, opened, line('+PONG'), line('+OK'), line('+OK'), line('-ERR Unrecognized')];

describe('stepLink', () => {
  it('goes through the handshake to a full resync', () => {
    const { transcript } = play([
      ...handshake,
      line(''),
      line(`+FULLRESYNC ${A} 130`),
      { type: 'replacing' },
      { type: 'loaded', nowMs: 0 },
    ]);
    expect(transcript).toEqual([
      '! open',
      '= connecting',
      '> PING',
      '= receive-ping-reply',
      '> REPLCONF listening-port 6380',
      '> REPLCONF capa eof capa psync2',
      '> REPLCONF version 9.0.0',
      '= receive-port-reply',
      '= receive-capa-reply',
      '= receive-version-reply',
      '> PSYNC ? -1',
      '= receive-psync-reply',
      '= receive-psync-reply',
      '! failover-accepted',
      `! full {"replid":"${A}","offset":130}`,
      '= transfer',
      '= transfer',
      '! follow-stream',
      '= connected',
    ]);
  });

  it('authenticates and announces itself when told to', () => {
    const settings = { ...plain, masterUser: 'repl', masterAuth: 'secret', announceHost: 'node-2' };
    const { transcript } = play(
      [
        attach,
        opened,
        line('-NOAUTH Authentication required.'),
        line('+OK'),
        line('+OK'),
        line('-ERR what'),
        line('-ERR no'),
        line('-ERR never'),
      ],
      settings,
    );
    expect(transcript.slice(4)).toEqual([
      '> AUTH repl secret',
      '> REPLCONF listening-port 6380',
      '> REPLCONF ip-address node-2',
      '> REPLCONF capa eof capa psync2',
      '> REPLCONF version 9.0.0',
      '= receive-auth-reply',
      '= receive-port-reply',
      '= receive-ip-reply',
      '= receive-capa-reply',
      '= receive-version-reply',
      '> PSYNC ? -1',
      '= receive-psync-reply',
    ]);
  });

  it('offers what it has applied after a cut, and takes the new id over', () => {
    const { transcript, link } = play([
      ...handshake,
      line(`+FULLRESYNC ${A} 130`),
      { type: 'loaded', nowMs: 0 },
      { type: 'lost', reason: 'reset', position: { replid: A, offset: 200 }, nowMs: 5000 },
      opened,
      line('+PONG'),
      line('+OK'),
      line('+OK'),
      line('+OK'),
      line(`+CONTINUE ${B}`),
    ]);
    expect(transcript.slice(-4)).toEqual([
      '= receive-psync-reply',
      '! failover-accepted',
      `! resume 200 ${B}`,
      '= connected',
    ]);
    expect(transcript).toContain(`> PSYNC ${A} 201`);
    expect(link.downSinceMs).toBeNull();
  });

  it('keeps what it can offer while a full resync is still on its way, and not after', () => {
    const position = { replid: A, offset: 200 };
    const begun = play([
      { ...attach, position },
      opened,
      line('+PONG'),
      line('+OK'),
      line('+OK'),
      line(`+FULLRESYNC ${B} 7`),
    ]).link;
    expect(begun.position).toEqual(position);
    expect(play([{ type: 'replacing' }], plain, begun).link.position).toBeNull();
  });

  it.each(["-NOMASTERLINK Can't SYNC", '-LOADING Redis is loading'])('tries again later on %s', (reply) => {
    const { transcript } = play([...handshake, line(reply), { type: 'tick', nowMs: 1000 }]);
    expect(transcript.slice(-5)).toEqual([
      '! failover-refused',
      '! close',
      '= connect',
      '! open',
      '= connecting',
    ]);
  });

  it('falls back to SYNC on any other error', () => {
    const { transcript } = play([...handshake, line('-ERR unknown command PSYNC')]);
    expect(transcript.slice(-4)).toEqual(['! failover-refused', '> SYNC', '! full null', '= transfer']);
  });

  it.each([
    ['connecting', [attach], '! open'],
    ['receive-psync-reply', handshake, '! open'],
    ['transfer', [...handshake, line(`+FULLRESYNC ${A} 1`)], '! open'],
    ['connected', [...handshake, line(`+FULLRESYNC ${A} 1`), { type: 'loaded', nowMs: 0 }], '! close'],
  ] as const)('gives up on a silent master while %s', (phase, events, effect) => {
    const before = play(events);
    expect(before.link.phase).toBe(phase);
    expect(play([{ type: 'tick', nowMs: 60_000 }], plain, before.link).transcript).toEqual([`= ${phase}`]);
    expect(play([{ type: 'tick', nowMs: 60_001 }], plain, before.link).transcript).toContain(effect);
  });

  it('asks the target to take over during a failover', () => {
    const { transcript } = play([{ ...attach, position: { replid: A, offset: 9 } }, ...handshake.slice(1)], {
      ...plain,
      isFailover: true,
    });
    expect(transcript).toContain(`> PSYNC ${A} 10 FAILOVER`);
  });

  it('forgets everything when it is a master again', () => {
    expect(play([...handshake, { type: 'detach' }]).link).toEqual(NO_LINK);
  });
});
