import { expect, it } from 'vitest';
import { CommandTable } from '../../../src/server/command/command-table.ts';
import { Args } from '../../../src/server/resp/args.ts';

const run = (): void => undefined;

function table(): CommandTable {
  return new CommandTable([{ get: run, set: run, pfcount: run, 'config|get': run, 'config|set': run }]);
}

it('finds a renamed command by its new name alone, and it is the same command', () => {
  const commands = table();
  const [get, pfcount] = [commands.get('get'), commands.get('pfcount')];
  expect(commands.rename('GET', 'Fetch')).toBeUndefined();
  expect(commands.rename('pfcount', 'count-them')).toBeUndefined();
  expect(commands.find(Args.of(['GET', 'a']))).toBeUndefined();
  expect(commands.find(Args.of(['FETCH', 'a']))).toBe(get);
  expect(commands.find(Args.of(['count-THEM', 'a']))).toBe(pfcount);
  expect(commands.get('fetch')?.name).toBe('get');
  expect(commands.originals.get('get')).toBe(get);
});

it('keeps what is removed for ACL rules, and the subcommands of a renamed container', () => {
  const commands = table();
  const names = [...commands.originals.all()].map(({ name }) => name);
  expect(commands.rename('set', '')).toBeUndefined();
  expect(commands.rename('config', 'conf')).toBeUndefined();
  expect(commands.find(Args.of(['set', 'a', 'b']))).toBeUndefined();
  expect(commands.get('conf|get')?.name).toBe('config|get');
  expect([...commands.originals.all()].map(({ name }) => name)).toEqual(names);
  expect([...commands.all()].map(({ name }) => name).toSorted()).toEqual(
    names.filter((name) => name !== 'set').toSorted(),
  );
});

it('says why a name can not be given', () => {
  const commands = table();
  expect(commands.rename('nope', 'x')).toBe('No such command in rename-command');
  expect(commands.rename('get', 'SET')).toBe('Target command name already exists');
});
