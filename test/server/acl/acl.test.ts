import { describe, expect, it } from 'vitest';
import { Acl } from '../../../src/server/acl/acl.ts';
import { AclLog } from '../../../src/server/acl/acl-log.ts';
import type { AclCommand, AclCommands, AclRequest, KeyUse } from '../../../src/server/acl/selector.ts';

const FACTS: readonly (readonly [name: string, categories: string])[] = [
  ['get', 'read string fast'],
  ['set', 'write string slow'],
  ['select', 'fast connection'],
  ['client', 'slow'],
  ['client|list', 'admin slow dangerous connection'],
  ['client|id', 'slow connection'],
];

function makeCommands(): AclCommands {
  const all = new Map<string, AclCommand & { subcommands: Map<string, AclCommand> | undefined }>();
  for (const [id, [name, categories]] of FACTS.entries()) {
    const parent = all.get(name.split('|')[0] ?? '');
    const command = { name, id, categories: categories.split(' '), subcommands: undefined, parent };
    all.set(name, command);
    if (parent !== undefined) {
      parent.subcommands ??= new Map();
      parent.subcommands.set(name, command);
    }
  }
  return { get: (name) => all.get(name.toLowerCase()), all: () => all.values() };
}

const commands = makeCommands();
const newAcl = (): Acl => new Acl(commands, () => false);

function request(name: string, keys: readonly KeyUse[] = [], extras: Partial<AclRequest> = {}): AclRequest {
  const command = commands.get(name);
  if (command === undefined) throw new Error(name);
  return { command, isFree: false, firstArg: undefined, keys: () => keys, channels: () => [], ...extras };
}

function check(rules: string, what: AclRequest): string {
  const acl = newAcl();
  expect(acl.set('u', rules.split(' '))).toBeUndefined();
  const denial = acl.get('u')?.check(what);
  return denial === undefined ? 'allowed' : `${denial.reason} ${denial.object}`;
}

const read = (key: string): KeyUse => ({ key, reads: true, writes: false });
const write = (key: string): KeyUse => ({ key, reads: false, writes: true });

describe('permissions', () => {
  it.each([
    ['+get ~*', request('get', [read('k')]), 'allowed'],
    ['+get ~a*', request('get', [read('abc')]), 'allowed'],
    ['+get ~a*', request('get', [read('b')]), 'key b'],
    ['+get ~*', request('set', [write('k')]), 'command set'],
    ['+@all -set ~*', request('set', [write('k')]), 'command set'],
    ['+@string -@write ~*', request('set', [write('k')]), 'command set'],
    ['+@all %R~a', request('set', [write('a')]), 'key a'],
    ['+@all %R~a %W~a', request('set', [write('a')]), 'allowed'],
    ['+client|id', request('client|id'), 'allowed'],
    ['+client|id', request('client|list'), 'command client|list'],
    ['+client -client|list', request('client|list'), 'command client|list'],
    ['+select|0', request('select', [], { firstArg: '0' }), 'allowed'],
    ['+select|0', request('select', [], { firstArg: '1' }), 'command select'],
    ['-@all', request('get', [], { isFree: true }), 'allowed'],
    ['+get &c*', request('get', [], { channels: () => [{ channel: 'c1', isPattern: false }] }), 'allowed'],
    ['+get &c*', request('get', [], { channels: () => [{ channel: 'c1', isPattern: true }] }), 'channel c1'],
    ['+get ~a (+set ~b)', request('set', [write('b')]), 'allowed'],
    ['+get ~a (+set ~b)', request('set', [write('a')]), 'key a'],
    ['+get ~a (+set ~b)', request('get', [read('b')]), 'key b'],
  ])('%s', (rules, what, outcome) => {
    expect(check(rules, what)).toBe(outcome);
  });
});

describe('users', () => {
  it('are described as they would be declared', () => {
    const acl = newAcl();
    acl.set('alice', [
      'on',
      '>secret',
      '~a:*',
      '%R~b',
      '&news',
      '+@read',
      '+client|id',
      '+CLIENT|list',
      '-get',
    ]);
    acl.set('alice', ['+client', '(%W~x', '+set)', '+get', 'skip-sanitize-payload']);
    const hash = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';
    expect(acl.toText()).toBe(
      `user alice on skip-sanitize-payload #${hash} ~a:* %R~b resetchannels &news -@all +@read +client +get ` +
        '(%W~x resetchannels -@all +set)\nuser default on nopass sanitize-payload ~* &* +@all\n',
    );
    const again = newAcl();
    expect(again.loadFile('f', acl.toText())).toEqual({ replaced: [] });
    expect(again.toText()).toBe(acl.toText());
  });

  it('log in by password, when they are on', () => {
    const acl = newAcl();
    acl.set('u', ['>one', '>two', '<one', '#'.padEnd(65, 'a')]);
    expect(acl.authenticate('u', 'two')).toBeUndefined();
    acl.set('u', ['on']);
    expect([
      acl.authenticate('u', 'two')?.name,
      acl.authenticate('u', 'one'),
      acl.authenticate('x', ''),
    ]).toEqual(['u', undefined, undefined]);
    acl.requirePassword('pass');
    expect([acl.authenticate('default', 'pass')?.name, acl.authenticate('default', '')]).toEqual([
      'default',
      undefined,
    ]);
    acl.requirePassword('');
    expect(acl.authenticate('default', 'anything')?.name).toBe('default');
  });

  it.each([
    [['+nope'], "Error in ACL SETUSER modifier '+nope': Unknown command or category name in ACL"],
    [['+@nope'], "Error in ACL SETUSER modifier '+@nope': Unknown command or category name in ACL"],
    [['bad'], "Error in ACL SETUSER modifier 'bad': Syntax error"],
    [['%X~a'], "Error in ACL SETUSER modifier '%X~a': Syntax error"],
    [
      ['+client|id|x'],
      "Error in ACL SETUSER modifier '+client|id|x': Allowing first-arg of a subcommand is not supported",
    ],
    [['(+get', '~a'], "Unmatched parenthesis in acl selector starting at '(+get'."],
    [
      ['<gone'],
      "Error in ACL SETUSER modifier '<gone': The password you are trying to remove from the user does not exist",
    ],
    [
      ['#abc'],
      "Error in ACL SETUSER modifier '#abc': The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
    ],
  ])('refuse %j and stay as they were', (rules, error) => {
    const acl = newAcl();
    expect(acl.set('u', ['on', ...rules])).toBe(`ERR ${error}`);
    expect(acl.get('u')).toBeUndefined();
  });

  it('stay when a file is wrong', () => {
    const acl = newAcl();
    acl.set('u', ['on']);
    expect(acl.loadFile('f', 'user a on +nope\nfoo\nuser a off\n')).toEqual({
      error:
        "ERR f:1: Error in applying operation '+nope': Unknown command or category name in ACL. " +
        'f:2 should start with user keyword followed by the username. ' +
        "WARNING: Duplicate user 'a' found on line 3. " +
        'WARNING: ACL errors detected, no change to the previously active ACL rules was performed',
    });
    expect(acl.list().map(({ name }) => name)).toEqual(['default', 'u']);
    const result = acl.loadFile('f', 'user b on');
    expect('replaced' in result && result.replaced.map(({ name }) => name)).toEqual(['u']);
  });

  it('come from conf lines, the default one too', () => {
    const acl = newAcl();
    expect(
      acl.loadConfigured([
        ['default', 'on', 'nopass', '+get'],
        ['w', 'on', '(+set', '~x)'],
      ]),
    ).toBeUndefined();
    expect(acl.toText()).toBe(
      'user default on nopass sanitize-payload resetchannels -@all +get\n' +
        'user w on sanitize-payload resetchannels -@all (~x resetchannels -@all +set)\n',
    );
    expect(acl.loadConfigured([['a'], ['a']])).toMatch(/Duplicate user found/);
  });
});

describe('AclLog', () => {
  it('groups what happens again within a minute', () => {
    const log = new AclLog();
    const what = {
      reason: 'key',
      context: 'toplevel',
      object: 'k',
      username: 'u',
      clientInfo: 'id=1',
    } as const;
    log.add(what, 1000, 10);
    log.add({ ...what, object: 'other' }, 1500, 10);
    log.add({ ...what, clientInfo: 'id=2' }, 2000, 10);
    log.add(what, 90_000, 10);
    expect(
      log.entries.map(({ object, count, entryId, clientInfo }) => [object, count, entryId, clientInfo]),
    ).toEqual([
      ['k', 1, 2, 'id=1'],
      ['k', 2, 0, 'id=2'],
      ['other', 1, 1, 'id=1'],
    ]);
    expect(log.counts.key).toBe(4);
  });
});
