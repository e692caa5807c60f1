import { describe, expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { conformance } from './conformance.ts';

const { ports } = conformance();

/** What a connection made right now hears. */
async function knock(port: number): Promise<string> {
  try {
    const open = await RawConnection.open(port);
    const reply = await open.call('PING');
    open.close();
    return reply;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

/** Moves a server about; `busy` is a port that somebody else listens on. */
async function move(home: number, next: number, busy: number): Promise<string[]> {
  const admin = await RawConnection.open(home);
  const seen: string[] = [];
  const named = (text: string): string =>
    [home, next, busy].reduce(
      (shown, port, at) => shown.replaceAll(String(port), ['HOME', 'NEXT', 'BUSY'][at] ?? ''),
      text,
    );
  const set = async (...changes: string[]): Promise<void> => {
    const reply = await admin.call('CONFIG', 'SET', ...changes);
    const heard = [await knock(home), await knock(next)];
    seen.push(
      named([changes.join(' '), reply, ...heard, await admin.call('CONFIG', 'GET', 'port')].join(' | ')),
    );
  };
  await set('port', String(next));
  await set('port', String(busy));
  await set('maxmemory', '1234567', 'port', String(busy), 'hz', '17');
  seen.push(await admin.call('CONFIG', 'GET', 'maxmemory'), await admin.call('CONFIG', 'GET', 'hz'));
  await set('bind', '192.0.2.1');
  await set('bind', '127.0.0.1 192.0.2.1');
  await set('bind', '127.0.0.1 -192.0.2.1');
  await set('bind', '');
  seen.push(await admin.call('CONFIG', 'GET', 'bind'));
  await set('port', String(home), 'bind', '127.0.0.1');
  await set('port', '0');
  await set('port', String(home));
  admin.close();
  return seen;
}

/** Moves a server within transactions, while others write what these read. */
async function moveInTransactions(home: number, next: number, busy: number): Promise<string[]> {
  const [admin, other] = [await RawConnection.open(home), await RawConnection.open(home)];
  const seen: string[] = [];
  const changes = [
    ['port', String(busy)],
    ['port', String(next)],
    ['bind', '192.0.2.1'],
    ['maxmemory', '7654321', 'port', String(busy)],
    ['bind', 'localhost'],
    ['port', String(home), 'bind', '127.0.0.1'],
  ];
  await admin.call('SET', 'n', '0');
  for (const change of changes) {
    const read = ['GET', 'n'];
    const unit = [['MULTI'], read, ['CONFIG', 'SET', ...change], ['CONFIG', 'GET', 'port'], read, ['EXEC']];
    other.sendBytes('INCR n\r\n'.repeat(100));
    for (const argv of unit) admin.send(argv);
    other.sendBytes('INCR n\r\n'.repeat(100));
    for (let i = 0; i < unit.length - 1; i += 1) await admin.read();
    const reply = await admin.read();
    for (let i = 0; i < 200; i += 1) await other.read();
    // What others wrote before is known; during it they wrote nothing.
    const [before, ...rest] = reply.split(/(?<=^\*4\r\n\$\d+\r\n\d+\r\n)/);
    const count = before?.split('\r\n')[2] ?? '';
    seen.push(rest.join('').replaceAll(`\r\n${count}\r\n`, '\r\nUNCHANGED\r\n').replace(/\$\d+/g, '$'));
    seen.push(await knock(home), await knock(next), await admin.call('CONFIG', 'GET', 'maxmemory'));
  }
  for (const open of [admin, other]) open.close();
  const names = [home, next, busy].map(String);
  return seen.map((text) =>
    names.reduce((shown, port, at) => shown.replaceAll(port, ['HOME', 'NEXT', 'BUSY'][at] ?? ''), text),
  );
}

describe.skipIf(!hasEngine('redis'))('CONFIG SET port and bind', () => {
  it('answer when the new socket is open, or leave all as it was', async () => {
    const { bundled, redis } = ports();
    const [oursNext, theirsNext] = (await freePorts(2)) as [number, number];
    const theirs = await move(redis, theirsNext, bundled);
    expect(await move(bundled, oursNext, redis)).toEqual(theirs);
    expect(theirs.join('\n')).toContain('Unable to listen on this port');
  });

  it('answer in the reply of EXEC, with nobody else in between', async () => {
    const { bundled, redis } = ports();
    const [oursNext, theirsNext] = (await freePorts(2)) as [number, number];
    const theirs = await moveInTransactions(redis, theirsNext, bundled);
    expect(await moveInTransactions(bundled, oursNext, redis)).toEqual(theirs);
    expect(theirs.join('\n')).toContain('Unable to listen on this port');
    expect(theirs.join('\n')).toContain('UNCHANGED');
  });
});
