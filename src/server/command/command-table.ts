import type { Args } from '../resp/args.ts';
import { CATALOGUE } from './catalogue.ts';
import { CatalogueCommand } from './catalogue-command.ts';
import type { Command, Family, Handler } from './command.ts';

const SLOTS = 2048;

/**
 * The commands a server knows: the catalogue's facts joined with the families' handlers. What no family handles is
 * not a command here. Found by the bytes of the name, in any case, without making a string of it.
 */
export class CommandTable {
  /** By the name it is called by, which `rename-command` may have changed. */
  readonly byName = new Map<string, Command>();
  private born: ReadonlyMap<string, Command> = this.byName;
  private readonly slots: (Command | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  private readonly slotNames: string[] = Array.from({ length: SLOTS }, () => '');

  constructor(families: readonly Family[]) {
    const handlers = new Map<string, Handler>();
    for (const family of families) {
      for (const [name, handler] of Object.entries(family)) {
        if (handlers.has(name)) throw new TypeError(`two handlers for the command ${name}`);
        handlers.set(name, handler);
      }
    }
    const containers = new Set([...handlers.keys()].map(parentName));
    let id = 0;
    for (const line of CATALOGUE.trim().split('\n')) {
      const name = line.slice(0, line.indexOf(' '));
      const handler = handlers.get(name);
      const leaf = {
        subcommands: undefined,
        parent: this.byName.get(parentName(name)),
        handler,
        bare: undefined,
      };
      if (containers.has(name)) {
        // Its subcommands come next in the catalogue.
        const bare = handler === undefined ? undefined : new CatalogueCommand(line, id, leaf);
        const container = { subcommands: new Map(), parent: undefined, handler: undefined, bare };
        this.add(new CatalogueCommand(line, id, container, bare?.stats));
      } else if (handler !== undefined) {
        this.add(new CatalogueCommand(line, id, leaf));
      } else {
        continue;
      }
      handlers.delete(name);
      id += 1;
    }
    if (handlers.size > 0) throw new TypeError(`not in the catalogue: ${[...handlers.keys()].join(', ')}`);
  }

  /** The command that argument 0 names; for a container this is not yet the subcommand. */
  find(args: Args): Command | undefined {
    const buf = args.buf;
    const start = args.offsets[0]!;
    const end = args.offsets[1]!;
    let hash = 0;
    for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (buf[at]! | 0x20)) | 0;
    for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const command = this.slots[slot];
      if (command === undefined || isNamed(this.slotNames[slot]!, buf, start, end)) return command;
    }
  }

  /** By name in any case; `container|subcommand` for subcommands. */
  get(name: string): Command | undefined {
    return lookUp(this.byName, name);
  }

  /** All commands, subcommands too, each container before its own. */
  all(): Generator<Command> {
    return withSubcommands(this.byName);
  }

  /** The same as they were before anything was renamed or removed: what ACL rules speak of (`orig_commands`). */
  readonly originals = {
    get: (name: string): Command | undefined => lookUp(this.born, name),
    all: (): Generator<Command> => withSubcommands(this.born),
  };

  /** `rename-command`: an empty name removes it. A text says why it can't be. */
  rename(name: string, newName: string): string | undefined {
    const known = this.byName.get(name.toLowerCase());
    if (known === undefined) return 'No such command in rename-command';
    const target = newName.toLowerCase();
    if (target !== '' && this.byName.has(target)) return 'Target command name already exists';
    const others = [...this.byName].filter(([, command]) => command !== known);
    if (this.born === this.byName) this.born = new Map(this.byName);
    this.byName.clear();
    this.slots.fill(undefined);
    // Under another name it is still the same to replies, ACL rules and statistics.
    for (const [key, command] of target === '' ? others : [...others, [target, known] as const])
      this.place(key, command);
    return undefined;
  }

  private add(command: Command): void {
    const { name, parent } = command;
    if (parent === undefined) this.place(name, command);
    else parent.subcommands?.set(name.slice(name.indexOf('|') + 1), command);
  }

  private place(name: string, command: Command): void {
    this.byName.set(name, command);
    let hash = 0;
    for (let at = 0; at < name.length; at += 1)
      hash = (Math.imul(hash, 31) + (name.charCodeAt(at) | 0x20)) | 0;
    let slot = hash & (SLOTS - 1);
    while (this.slots[slot] !== undefined) slot = (slot + 1) & (SLOTS - 1);
    this.slots[slot] = command;
    this.slotNames[slot] = name;
  }
}

function lookUp(commands: ReadonlyMap<string, Command>, name: string): Command | undefined {
  const [top = '', sub, ...more] = name.toLowerCase().split('|');
  if (more.length > 0) return undefined;
  const command = commands.get(top);
  return sub === undefined ? command : command?.subcommands?.get(sub);
}

function* withSubcommands(commands: ReadonlyMap<string, Command>): Generator<Command> {
  for (const command of commands.values()) {
    yield command;
    if (command.subcommands !== undefined) yield* command.subcommands.values();
  }
}

function parentName(name: string): string {
  return name.includes('|') ? name.slice(0, name.indexOf('|')) : '';
}

function isNamed(name: string, buf: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let at = 0; at < name.length; at += 1) {
    let byte = buf[start + at]!;
    if (byte >= 0x41 && byte <= 0x5a) byte += 32;
    if (byte !== name.charCodeAt(at)) return false;
  }
  return true;
}
