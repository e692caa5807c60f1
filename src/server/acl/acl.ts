import { hasSpaces, RULE_ERRORS, type AclCommands } from './selector.ts';
import { User } from './user.ts';

/** The outcome of a change of users: what Redis says against it, or nothing. */
export type AclError = string | undefined;

/**
 * All users of a server, by name in byte order. `default` always exists: it is who a connection is before AUTH.
 */
export class Acl {
  readonly commands: AclCommands;
  #users = new Map<string, User>();
  #allChannelsByDefault: () => boolean;
  #default: User;

  constructor(commands: AclCommands, allChannelsByDefault: () => boolean) {
    this.commands = commands;
    this.#allChannelsByDefault = allChannelsByDefault;
    this.#default = this.#newDefault();
    this.#users.set('default', this.#default);
  }

  get default(): User {
    return this.#default;
  }

  get(name: string): User | undefined {
    return this.#users.get(name);
  }

  /** In the order in which ACL LIST shows them. */
  list(): User[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The user with this name and password, if it may log in. */
  authenticate(name: string, password: string): User | undefined {
    const user = this.#users.get(name);
    if (user === undefined || !user.isEnabled) return undefined;
    return user.isPasswordless || user.hasPassword(password) ? user : undefined;
  }

  /** `requirepass`: the default user's only password; an empty one lets everybody in. */
  requirePassword(password: string): void {
    this.#default.apply('resetpass');
    this.#default.apply(password === '' ? 'nopass' : `>${password}`);
  }

  /** ACL SETUSER: all rules or none. `beforeChange` sees the user as it was and as it will be. */
  set(name: string, rules: readonly string[], beforeChange?: (before: User, after: User) => void): AclError {
    const merged = mergeSelectors(rules);
    if (typeof merged === 'string')
      return `ERR Unmatched parenthesis in acl selector starting at '${merged}'.`;
    const known = this.#users.get(name);
    const draft = this.#newUser(name);
    if (known !== undefined) draft.copyFrom(known);
    for (const rule of merged) {
      const error = draft.apply(rule);
      if (error !== undefined) return `ERR Error in ACL SETUSER modifier '${rule}': ${error}`;
    }
    if (known === undefined) {
      this.#users.set(name, draft);
    } else {
      beforeChange?.(known, draft);
      known.copyFrom(draft);
    }
    return undefined;
  }

  delete(name: string): User | undefined {
    const user = this.#users.get(name);
    if (user === undefined || user === this.#default) return undefined;
    this.#users.delete(name);
    return user;
  }

  /** The `user` lines of a conf file; an error makes the server refuse to start. */
  loadConfigured(users: readonly (readonly string[])[]): AclError {
    const seen = new Set<string>();
    for (const [name = '', ...rules] of users) {
      if (seen.has(name)) return `Error in user declaration '${name}': ${RULE_ERRORS.duplicateUser}`;
      seen.add(name);
      const merged = mergeSelectors(rules);
      if (typeof merged === 'string') return `Error in user declaration '${merged}': Unmatched parenthesis`;
      const user = name === 'default' ? this.#default : this.#newUser(name);
      if (name === 'default') user.apply('reset');
      for (const rule of merged) {
        const error = user.apply(rule);
        if (error !== undefined) return `Error in user declaration '${rule}': ${error}`;
      }
      this.#users.set(name, user);
    }
    return undefined;
  }

  /** Replaces all users by those of an ACL file; with an error nothing changes. Returns who was there before, but the default one. */
  loadFile(
    path: string,
    content: string,
  ): { readonly error: string } | { readonly replaced: readonly User[] } {
    const users = new Map<string, User>();
    let errors = '';
    for (const [index, rawLine] of content.split('\n').entries()) {
      const line = rawLine.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
      if (line !== '')
        errors += this.#loadLine(`${path}:${String(index + 1)}`, index + 1, line.split(' '), users);
    }
    if (errors !== '')
      return {
        error: `ERR ${errors}WARNING: ACL errors detected, no change to the previously active ACL rules was performed`,
      };
    const replaced = this.list().filter((user) => user !== this.#default);
    this.#default.copyFrom(users.get('default') ?? this.#newDefault());
    users.set('default', this.#default);
    for (const user of replaced) {
      const next = users.get(user.name);
      if (next === undefined) continue;
      user.copyFrom(next);
      users.set(user.name, user);
    }
    this.#users = users;
    return { replaced };
  }

  /** What ACL SAVE writes. */
  toText(): string {
    return this.list()
      .map((user) => `user ${user.name} ${user.describe()}\n`)
      .join('');
  }

  #loadLine(where: string, line: number, words: readonly string[], users: Map<string, User>): string {
    const [keyword, name, ...rules] = words;
    if (keyword !== 'user' || name === undefined)
      return `${where} should start with user keyword followed by the username. `;
    if (hasSpaces(name)) return `'${where}: username '${name}' contains invalid characters. `;
    if (users.has(name)) return `WARNING: Duplicate user '${name}' found on line ${String(line)}. `;
    const user = this.#newUser(name);
    users.set(name, user);
    const merged = mergeSelectors(rules);
    if (typeof merged === 'string') return `${where}: Unmatched parenthesis in selector definition.`;
    let errors = '';
    let isOtherReported = false;
    for (const rule of merged) {
      const error = user.apply(rule);
      if (error === RULE_ERRORS.unknown)
        errors += `${where}: Error in applying operation '${rule}': ${error}. `;
      else if (error !== undefined && !isOtherReported) {
        errors += `${where}: ${error}. `;
        isOtherReported = true;
      }
    }
    return errors;
  }

  #newUser(name: string): User {
    return new User(name, this.commands, this.#allChannelsByDefault());
  }

  #newDefault(): User {
    const user = this.#newUser('default');
    for (const rule of ['+@all', '~*', '&*', 'on', 'nopass']) user.apply(rule);
    return user;
  }
}

/** Joins what stands between parentheses to one rule; a string is the opening one without its end. */
function mergeSelectors(rules: readonly string[]): string[] | string {
  const merged: string[] = [];
  let open: string | undefined;
  let opening = '';
  for (const rule of rules) {
    if (open === undefined) {
      if (rule.startsWith('(') && !rule.endsWith(')')) [open, opening] = [rule, rule];
      else merged.push(rule);
      continue;
    }
    open += ` ${rule}`;
    if (!rule.endsWith(')')) continue;
    merged.push(open);
    open = undefined;
  }
  return open === undefined ? merged : opening;
}
