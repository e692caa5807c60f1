import { crypto } from '../lazy-crypto.ts';
import { splitArgs } from '../../conf/split-args.ts';
import { RULE_ERRORS, Selector, type AclCommands, type AclRequest, type Denial } from './selector.ts';

/** A user: how to log in as it, and what it may do then. */
export class User {
  readonly name: string;
  isEnabled = false;
  /** Any password will do. */
  isPasswordless = false;
  sanitizesPayload = true;
  /** SHA-256 in hex, in the order of their coming. */
  passwords: string[] = [];
  /** The first one is the user's own, the others were added in parentheses. */
  selectors: Selector[];
  readonly #commands: AclCommands;
  readonly #newSelector: () => Selector;

  /** `allChannels` is what `acl-pubsub-default` says of new users. */
  constructor(name: string, commands: AclCommands, allChannels: boolean) {
    this.name = name;
    this.#commands = commands;
    this.#newSelector = () => new Selector(this.#commands, allChannels);
    this.selectors = [this.#newSelector()];
  }

  get root(): Selector {
    const [root] = this.selectors;
    if (root === undefined) throw new TypeError('a user without a selector');
    return root;
  }

  /** Takes over everything but the name. */
  copyFrom(other: User): void {
    this.isEnabled = other.isEnabled;
    this.isPasswordless = other.isPasswordless;
    this.sanitizesPayload = other.sanitizesPayload;
    this.passwords = [...other.passwords];
    this.selectors = other.selectors.map((selector) => selector.clone());
  }

  hasPassword(password: string): boolean {
    const given = Buffer.from(hashPassword(password));
    return this.passwords.filter((own) => crypto().timingSafeEqual(Buffer.from(own), given)).length > 0;
  }

  /** Whether nothing it does needs a check. */
  get isUnrestricted(): boolean {
    const { allCommands, allKeys, allChannels } = this.root;
    return allCommands && allKeys && allChannels;
  }

  /** Applies one rule; a text says why it can't be, and then nothing changed. */
  apply(rule: string): string | undefined {
    switch (rule.toLowerCase()) {
      case 'on':
        this.isEnabled = true;
        return undefined;
      case 'off':
        this.isEnabled = false;
        return undefined;
      case 'nopass':
        this.isPasswordless = true;
        this.passwords = [];
        return undefined;
      case 'resetpass':
        this.isPasswordless = false;
        this.passwords = [];
        return undefined;
      case 'sanitize-payload':
        this.sanitizesPayload = true;
        return undefined;
      case 'skip-sanitize-payload':
        this.sanitizesPayload = false;
        return undefined;
      case 'clearselectors':
        this.selectors = [this.root];
        return undefined;
      case 'reset':
        this.copyFrom(new User(this.name, this.#commands, this.#newSelector().allChannels));
        return undefined;
      default:
        return this.#applyOther(rule);
    }
  }

  /** Why the request is denied by all of its selectors: the most telling of their reasons. */
  check(request: AclRequest): Denial | undefined {
    let worst: Denial | undefined;
    for (const selector of this.selectors) {
      const denial = selector.check(request);
      if (denial === undefined) return undefined;
      if (worst === undefined || weigh(denial) >= weigh(worst)) worst = denial;
    }
    return worst;
  }

  flags(): string[] {
    return [
      this.isEnabled ? 'on' : 'off',
      ...(this.isPasswordless ? ['nopass'] : []),
      this.sanitizesPayload ? 'sanitize-payload' : 'skip-sanitize-payload',
    ];
  }

  /** As a line of a conf or ACL file says it, after `user <name>`. */
  describe(): string {
    const [root, ...others] = this.selectors.map((selector) => selector.describe());
    return [
      ...this.flags(),
      ...this.passwords.map((hash) => `#${hash}`),
      root,
      ...others.map((selector) => `(${selector})`),
    ].join(' ');
  }

  #applyOther(rule: string): string | undefined {
    const rest = rule.slice(1);
    switch (rule[0]) {
      case '>':
        return this.#addPassword(hashPassword(rest));
      case '#':
        return isHash(rest) ? this.#addPassword(rest) : RULE_ERRORS.badHash;
      case '<':
        return this.#removePassword(hashPassword(rest));
      case '!':
        return isHash(rest) ? this.#removePassword(rest) : RULE_ERRORS.badHash;
      case '(':
        return rule.endsWith(')') ? this.#addSelector(rule.slice(1, -1)) : RULE_ERRORS.syntax;
      default:
        return this.root.apply(rule);
    }
  }

  #addPassword(hash: string): undefined {
    if (!this.passwords.includes(hash)) this.passwords.push(hash);
    this.isPasswordless = false;
  }

  #removePassword(hash: string): string | undefined {
    if (!this.passwords.includes(hash)) return RULE_ERRORS.noSuchPassword;
    this.passwords = this.passwords.filter((own) => own !== hash);
    return undefined;
  }

  #addSelector(rules: string): string | undefined {
    const selector = this.#newSelector();
    const split = splitArgs(rules);
    for (const rule of split.ok ? split.args : [rules]) {
      const error = selector.apply(rule);
      if (error !== undefined) return error;
    }
    this.selectors.push(selector);
    return undefined;
  }
}

/** Key and channel denials tell more than that no selector has the command; later arguments more than earlier. */
function weigh(denial: Denial): number {
  if (denial.reason === 'command') return 0;
  return (denial.reason === 'key' ? 1 : 2) * 1e9 + denial.index;
}

/** Passwords are byte strings and kept only in this form. */
export function hashPassword(password: string): string {
  return crypto().createHash('sha256').update(Buffer.from(password, 'latin1')).digest('hex');
}

function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
