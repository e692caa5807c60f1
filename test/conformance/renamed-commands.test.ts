import { expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { conformance } from './conformance.ts';

const RENAMES = { GET: 'fetch', SET: 'put', CONFIG: 'conf', PUBLISH: 'pub', MULTI: 'begin', EVAL: '' };
const { same, ports } = conformance(
  Object.entries(RENAMES).flatMap(([name, newName]) => ['--rename-command', name, newName]),
);

same('what was renamed, by its new name and its old one', [
  'fetch a',
  'get a',
  'fetch',
  'put',
  'put a 1',
  'put a 1 nope',
  'fetch a',
  'eval x 0',
  'pub a b',
  'conf',
  'conf nope',
  'conf get',
  'conf get databases',
  'config get databases',
  'begin',
  'put a 2',
  'fetch a',
  'fetch',
  'exec',
  'begin',
  'put b 1',
  'get b',
  'exec',
  'fetch b',
]);
same('what COMMAND tells', [
  'command info fetch',
  'command info get',
  'command info conf|get',
  'command docs get',
  'command getkeys fetch a',
  'command getkeys get a',
  'command list filterby pattern fe*',
  'command list filterby pattern publ*',
  'command list filterby pattern conf',
]);
same('ACL rules speak of the names commands were born with', [
  'acl setuser u +fetch',
  'acl setuser u +conf|get',
  'acl setuser u on nopass ~* -@all +get +config|get +eval',
  'acl dryrun u fetch a',
  'acl dryrun u get a',
  'auth u x',
  'fetch a',
  'conf get databases',
]);
same(
  'statistics by name',
  ['conf resetstat', 'put a 1', 'fetch a', 'latency histogram put', 'latency histogram set'],
  { mask: /histogram_usec[^]*/g },
);

it.skipIf(!hasEngine('redis'))('count calls and rejected ones under the old name', async () => {
  const lines = ['conf resetstat', 'put a 1', 'fetch a', 'fetch', 'conf', 'conf nope', 'conf get'];
  const [ours, theirs] = await Promise.all(
    [ports().bundled, ports().redis].map(async (port) => {
      const connection = await RawConnection.open(port);
      for (const line of lines) await connection.call(...line.split(' '));
      const stats = await connection.call('INFO', 'commandstats');
      connection.close();
      return stats
        .replaceAll(/usec(_per_call)?=[\d.]+/g, '')
        .split('\r\n')
        .slice(2)
        .sort();
    }),
  );
  expect(ours).toEqual(theirs);
});
