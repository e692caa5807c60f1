import { matchGlob } from '../keyspace/match-glob.ts';

/** The categories of commands, in the order ACL CAT lists them. */
export const CATEGORIES: readonly string[] = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
].concat(
  ['string', 'bitmap', 'hyperloglog', 'geo', 'stream', 'pubsub', 'admin', 'fast', 'slow', 'blocking'],
  ['dangerous', 'connection', 'transaction', 'scripting'],
);

/** What the access rules need to know of a command. */
export interface AclCommand {
  /** `get`, `client|list`. */
  readonly name: string;
  /** Dense number, containers and subcommands each have one. */
  readonly id: number;
  readonly categories: readonly string[];
  readonly subcommands: ReadonlyMap<string, AclCommand> | undefined;
  readonly parent: AclCommand | undefined;
}

/** The table of commands that rules refer to. */
export interface AclCommands {
  get(name: string): AclCommand | undefined;
  all(): Iterable<AclCommand>;
}

/** One use of a command, as the rules see it. Keys and channels are worked out only when a rule asks. */
export interface AclRequest {
  readonly command: AclCommand;
  /** Allowed to everybody: AUTH, HELLO, QUIT, RESET. */
  readonly isFree: boolean;
  /** The argument after the command or subcommand name. */
  readonly firstArg: string | undefined;
  readonly keys: () => readonly KeyUse[];
  readonly channels: () => readonly ChannelUse[];
}

export interface KeyUse {
  readonly key: string;
  readonly reads: boolean;
  readonly writes: boolean;
}

export interface ChannelUse {
  readonly channel: string;
  readonly isPattern: boolean;
}

/** Why a request is denied, from the least to the most telling. */
export type Denial =
  | { readonly reason: 'command'; readonly object: string }
  | { readonly reason: 'key' | 'channel'; readonly object: string; readonly index: number };

interface KeyPattern {
  readonly pattern: string;
  reads: boolean;
  writes: boolean;
}

/** What is wrong with a rule; the texts are Redis' (`ACLSetUserStringError` in acl.c). */
export const RULE_ERRORS = {
  unknown: 'Unknown command or category name in ACL',
  syntax: 'Syntax error',
  keyAfterAll:
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. " +
    "Try 'resetkeys' to start with an empty list of patterns",
  channelAfterAll:
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. " +
    "Try 'resetchannels' to start with an empty list of channels",
  noSuchPassword: 'The password you are trying to remove from the user does not exist',
  badHash:
    'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters',
  duplicateUser: 'Duplicate user found. A user can only be defined once in config files',
  subcommandArg: 'Allowing first-arg of a subcommand is not supported',
} as const;

/** One set of permissions: commands, keys and channels that go together. A user has one or several. */
export class Selector {
  allKeys = false;
  allChannels: boolean;
  /** Nothing was taken away since `+@all`. */
  allCommands = false;
  readonly #commands: AclCommands;
  /** The base that the rules start from: also commands of later versions. */
  #includesFuture = false;
  #allowed = new Set<number>();
  #firstArgs = new Map<number, string[]>();
  #keys: KeyPattern[] = [];
  #channels: string[] = [];
  #rules: string[] = [];

  constructor(commands: AclCommands, allChannels: boolean) {
    this.#commands = commands;
    this.allChannels = allChannels;
  }

  clone(): Selector {
    const copy = new Selector(this.#commands, this.allChannels);
    copy.allKeys = this.allKeys;
    copy.allCommands = this.allCommands;
    copy.#includesFuture = this.#includesFuture;
    copy.#allowed = new Set(this.#allowed);
    copy.#firstArgs = new Map([...this.#firstArgs].map(([id, args]) => [id, [...args]]));
    copy.#keys = this.#keys.map((pattern) => ({ ...pattern }));
    copy.#channels = [...this.#channels];
    copy.#rules = [...this.#rules];
    return copy;
  }

  get channelPatterns(): readonly string[] {
    return this.#channels;
  }

  /** Applies one rule (`~pattern`, `+get`, `-@all` …); a text says why it can't be. */
  apply(rule: string): string | undefined {
    switch (rule.toLowerCase()) {
      case '':
        return undefined;
      case 'allkeys':
      case '~*':
        this.allKeys = true;
        this.#keys = [];
        return undefined;
      case 'resetkeys':
        this.allKeys = false;
        this.#keys = [];
        return undefined;
      case 'allchannels':
      case '&*':
        this.allChannels = true;
        this.#channels = [];
        return undefined;
      case 'resetchannels':
        this.allChannels = false;
        this.#channels = [];
        return undefined;
      case 'allcommands':
      case '+@all':
        this.#allowAll(true);
        return undefined;
      case 'nocommands':
      case '-@all':
        this.#allowAll(false);
        return undefined;
      default:
        return this.#applyPattern(rule);
    }
  }

  /** Why the request is denied, or undefined when it may run. */
  check(request: AclRequest): Denial | undefined {
    const { command } = request;
    if (!request.isFree && !this.allCommands && !this.#allows(request))
      return { reason: 'command', object: command.name };
    if (!this.allKeys) {
      const uses = request.keys();
      const index = uses.findIndex((use) => !this.allowsKey(use));
      if (index >= 0) return { reason: 'key', object: uses[index]?.key ?? '', index };
    }
    if (!this.allChannels) {
      const uses = request.channels();
      const index = uses.findIndex((use) => !this.allowsChannel(use));
      if (index >= 0) return { reason: 'channel', object: uses[index]?.channel ?? '', index };
    }
    return undefined;
  }

  allowsKey({ key, reads, writes }: KeyUse): boolean {
    return (
      this.allKeys ||
      this.#keys.some(
        (own) => (own.reads || !reads) && (own.writes || !writes) && matchGlob(own.pattern, key),
      )
    );
  }

  get readsAllKeys(): boolean {
    return this.allKeys || this.#keys.some(({ reads, pattern }) => reads && pattern === '*');
  }

  allowsChannel({ channel, isPattern }: ChannelUse): boolean {
    return (
      this.allChannels ||
      this.#channels.some((own) => (isPattern ? own === channel : matchGlob(own, channel)))
    );
  }

  describeCommands(): string {
    return [this.#includesFuture ? '+@all' : '-@all', ...this.#rules].join(' ');
  }

  describeKeys(): string {
    return this.allKeys ? '~*' : this.#keys.map(describePattern).join(' ');
  }

  describeChannels(): string {
    return this.allChannels ? '&*' : this.#channels.map((channel) => `&${channel}`).join(' ');
  }

  /** As a line of a conf or ACL file says it. */
  describe(): string {
    const keys = this.describeKeys();
    const channels = this.allChannels
      ? '&*'
      : ['resetchannels', ...this.#channels.map((name) => `&${name}`)].join(' ');
    return [keys, channels, this.describeCommands()].filter((part) => part !== '').join(' ');
  }

  #allowAll(isAllowed: boolean): void {
    this.allCommands = isAllowed;
    this.#includesFuture = isAllowed;
    this.#rules = [];
    this.#firstArgs.clear();
    this.#allowed = isAllowed ? new Set([...this.#commands.all()].map(({ id }) => id)) : new Set();
  }

  #allows({ command, firstArg }: AclRequest): boolean {
    if (this.#allowed.has(command.id)) return true;
    const args = this.#firstArgs.get(command.id);
    return firstArg !== undefined && args?.includes(firstArg.toLowerCase()) === true;
  }

  #applyPattern(rule: string): string | undefined {
    if (rule.startsWith('~') || rule.startsWith('%')) return this.#addKeyPattern(rule);
    if (rule.startsWith('&')) return this.#addChannelPattern(rule.slice(1));
    if (rule.startsWith('+@') || rule.startsWith('-@')) return this.#changeCategory(rule);
    if (rule.startsWith('+')) return this.#allow(rule.slice(1));
    if (rule.startsWith('-')) return this.#forbid(rule.slice(1));
    return RULE_ERRORS.syntax;
  }

  #addKeyPattern(rule: string): string | undefined {
    if (this.allKeys) return RULE_ERRORS.keyAfterAll;
    const [, letters = '', pattern = ''] = /^(?:%([RrWw]{1,2})(?:$|~)|~)([^]*)$/.exec(rule) ?? [
      undefined,
      'x',
    ];
    const given = letters.toUpperCase();
    if (given.startsWith('X') || /^(RR|WW)$/.test(given) || hasSpaces(pattern)) return RULE_ERRORS.syntax;
    const reads = given === '' || given.includes('R');
    const writes = given === '' || given.includes('W');
    const known = this.#keys.find((own) => own.pattern === pattern);
    if (known === undefined) {
      this.#keys.push({ pattern, reads, writes });
    } else {
      known.reads ||= reads;
      known.writes ||= writes;
    }
    return undefined;
  }

  #addChannelPattern(pattern: string): string | undefined {
    if (this.allChannels) return RULE_ERRORS.channelAfterAll;
    if (hasSpaces(pattern)) return RULE_ERRORS.syntax;
    if (!this.#channels.includes(pattern)) this.#channels.push(pattern);
    return undefined;
  }

  #changeCategory(rule: string): string | undefined {
    const category = rule.slice(2).toLowerCase();
    if (!CATEGORIES.includes(category)) return RULE_ERRORS.unknown;
    for (const command of this.#commands.all())
      if (command.categories.includes(category)) this.#change(command, rule.startsWith('+'));
    this.#note(rule.slice(1), rule.startsWith('+'));
    return undefined;
  }

  #allow(name: string): string | undefined {
    const bar = name.lastIndexOf('|');
    const command = this.#commands.get(bar < 0 ? name : name.slice(0, bar));
    if (command === undefined) return RULE_ERRORS.unknown;
    if (bar < 0) {
      this.#changeTree(command, true);
      this.#note(command.name, true);
      return undefined;
    }
    const sub = name.slice(bar + 1);
    if (command.parent !== undefined) return RULE_ERRORS.subcommandArg;
    if (sub === '') return RULE_ERRORS.syntax;
    if (command.subcommands === undefined) {
      this.#firstArgs.set(command.id, [...(this.#firstArgs.get(command.id) ?? []), sub.toLowerCase()]);
    } else {
      const subcommand = this.#commands.get(name);
      if (subcommand === undefined) return RULE_ERRORS.unknown;
      this.#changeTree(subcommand, true);
    }
    this.#note(name, true);
    return undefined;
  }

  #forbid(name: string): string | undefined {
    const command = this.#commands.get(name);
    if (command === undefined) return RULE_ERRORS.unknown;
    this.#changeTree(command, false);
    this.#note(command.name, false);
    return undefined;
  }

  #changeTree(command: AclCommand, isAllowed: boolean): void {
    this.#change(command, isAllowed);
    for (const sub of command.subcommands?.values() ?? []) this.#change(sub, isAllowed);
  }

  #change(command: AclCommand, isAllowed: boolean): void {
    if (isAllowed) this.#allowed.add(command.id);
    else {
      this.#allowed.delete(command.id);
      this.allCommands = false;
    }
    this.#firstArgs.delete(command.id);
  }

  /** Keeps the shortest list of rules that says the same: a new one replaces those it overrules by name. */
  #note(rule: string, isAllowed: boolean): void {
    const name = rule.toLowerCase();
    this.#rules = this.#rules.filter((own) => own.slice(1) !== name && !own.slice(1).startsWith(`${name}|`));
    this.#rules.push(`${isAllowed ? '+' : '-'}${name}`);
  }
}

function describePattern({ pattern, reads, writes }: KeyPattern): string {
  if (reads && writes) return `~${pattern}`;
  return `%${reads ? 'R' : 'W'}~${pattern}`;
}

/** Names and patterns must survive a file without quoting. */
export function hasSpaces(text: string): boolean {
  return /[\s\0]/.test(text);
}
