import { describe, expect, it } from 'vitest';
import { parseInfo } from '../../src/observe/parse-info.ts';
import { parseRole } from '../../src/observe/parse-role.ts';
import { judgeReady, judgeRootReady } from '../../src/observe/ready.ts';
import { ErrorReply } from '../../src/observe/reply.ts';

const ROOT = { replid: 'r', offset: 100 };

function replica(change: Record<string, string | number> = {}): ReturnType<typeof parseInfo> {
  const fields = {
    role: 'slave',
    loading: 0,
    master_link_status: 'up',
    master_sync_in_progress: 0,
    slave_repl_offset: 100,
    master_replid: 'r',
    ...change,
  };
  return parseInfo(
    Object.entries(fields)
      .map(([name, value]) => `${name}:${value}`)
      .join('\r\n'),
  );
}

describe('ready', () => {
  it('is a replica with the link up, the history and the offset of its root', () => {
    expect(judgeReady(replica(), ROOT)).toEqual({ ready: true });
    expect(judgeReady(replica({ slave_repl_offset: 900 }), ROOT)).toEqual({ ready: true });
  });

  it.each([
    ['loading', { loading: 1 }, null],
    ['loading', { async_loading: 1 }, null],
    ['not-a-replica', { role: 'master' }, null],
    ['link-down', { master_link_status: 'down' }, null],
    ['syncing', { master_link_status: 'down', master_sync_in_progress: 1, master_sync_left_bytes: 5 }, 5],
    ['foreign-history', { master_replid: 'x' }, null],
    ['behind', { slave_repl_offset: 40 }, 60],
  ])('is not %s', (because, change, bytesLeft) => {
    expect(judgeReady(replica(change), ROOT)).toEqual({ ready: false, because, bytesLeft });
  });

  it('is, for the root, to be a master with its data', () => {
    expect(judgeRootReady(replica({ role: 'master' }))).toEqual({ ready: true });
    expect(judgeRootReady(replica())).toMatchObject({ because: 'not-a-master' });
    expect(judgeRootReady(replica({ role: 'master', loading: 1 }))).toMatchObject({ because: 'loading' });
  });
});

describe('ROLE', () => {
  it.each([
    [['master', 3129659, [['127.0.0.1', '9001', '3129242']]], { role: 'master', offset: 3129659 }],
    [
      ['slave', '127.0.0.1', 9000, 'connected', 3167038],
      { role: 'replica', host: '127.0.0.1', port: 9000, state: 'connected', offset: 3167038 },
    ],
    [['sentinel', ['resque-master']], { role: 'sentinel' }],
    [new ErrorReply('NOPERM no'), null],
    [['something'], null],
  ])('reads %j', (reply, role) => {
    expect(parseRole(reply)).toEqual(role);
  });
});
