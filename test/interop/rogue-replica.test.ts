import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';

const STREAM_BEGIN = '*2\r\n$6\r\nSELECT\r\n';
const STREAM =
  /^\*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n(?:\*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$1\r\nv\r\n|\*1\r\n\$4\r\nPING\r\n)*$/;

describe.each(ENGINES)('a peer on %s that asks for the stream', (engine) => {
  describe.skipIf(!hasEngine(engine))('and then', () => {
    let server: { readonly port: number; readonly stop: () => Promise<void> };
    let admin: RawConnection;

    beforeAll(async () => {
      const flags = ['--repl-diskless-sync-delay', '0'];
      server = await (engine === 'bundled'
        ? startBundledServer(flags)
        : startRealServer(`${engine}-server`, flags));
      admin = await RawConnection.open(server.port);
    });
    afterAll(async () => {
      admin.close();
      await server.stop();
    });

    it.each([
      [['PSYNC', '?', '-1'], 'PING'],
      [['SYNC'], 'XINFO HELP'],
      [['SYNC'], 'NO-SUCH-COMMAND'],
      [['PSYNC', '?', '-1'], 'GET k'],
    ])('%j, then says %s, is cut off without an answer in the stream', async (begin, then) => {
      const socket = net.connect(server.port, '127.0.0.1');
      let received = '';
      socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
      const isClosed = once(socket, 'close');
      await once(socket, 'connect');
      socket.write(`${begin.join(' ')}\r\n`);
      while (!received.includes(STREAM_BEGIN)) {
        await admin.call('SET', 'k', 'v');
        await admin.call('PING');
      }
      socket.write(`${then}\r\n`);
      await isClosed;
      expect(received.slice(received.indexOf(STREAM_BEGIN))).toMatch(STREAM);
      expect(await admin.call('PING')).toBe('+PONG\r\n');
    });

    it('PSYNC with an offset that is none gets an error and no full sync', async () => {
      const peer = await RawConnection.open(server.port);
      expect(await peer.call('PSYNC', 'replicationid', 'offset')).toBe(
        '-ERR value is not an integer or out of range\r\n',
      );
      expect(await peer.call('PING')).toBe('+PONG\r\n');
      peer.close();
    });
  });
});
