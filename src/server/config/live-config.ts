import type { Directive } from '../../conf/directive.ts';
import { DIRECTIVES, findDirective } from '../../conf/directives.ts';
import { normaliseValue, type Normalised } from '../../conf/normalise-value.ts';
import { matchGlob } from '../keyspace/match-glob.ts';

/** One change asked for: a name in any spelling, and the value as CONFIG SET takes it (byte strings). */
export type ConfigChange = readonly [name: string, value: string];

/** Why nothing was changed; the caller makes Redis' error text of it. */
export type ConfigSetResult =
  | {
      readonly ok: true;
      readonly changed: readonly string[];
      /** Part of it takes time: how it ends, everything taken back if it fails. */
      readonly later?: Promise<ConfigSetResult>;
    }
  | { readonly ok: false; readonly reason: 'unknown'; readonly name: string }
  | { readonly ok: false; readonly reason: 'loading' }
  | { readonly ok: false; readonly reason: 'refused'; readonly name: string; readonly error: string };

export interface ConfigSetContext {
  readonly isLoading: boolean;
  /** Whether this client may set what `enable-protected-configs` guards. */
  readonly mayGuarded: boolean;
}

/** Why a change can't be; undefined when it was made. */
type Refusal = string | undefined;

/** Carries a change out (rebinds a port, moves to a folder), at once or later. */
export type ConfigApply = (value: string, previous: string) => Refusal | Promise<Refusal>;

interface PendingApply {
  readonly name: string;
  readonly outcome: Promise<Refusal>;
}

/**
 * The configuration of a running server: the normalised value of every directive, and who wants to know of changes.
 *
 * Values are byte strings in the form CONFIG GET shows. Typed readers are for start-up and rare paths; code that needs
 * a value for each command keeps it in a field and refreshes it through `onChange`.
 */
export class LiveConfig {
  readonly #values = new Map<string, string>();
  readonly #applies = new Map<string, ConfigApply>();
  readonly #listeners = new Map<string, ((value: string) => void)[]>();

  constructor(initial: ReadonlyMap<string, string> = new Map()) {
    for (const { name, kind, defaultValue } of DIRECTIVES)
      if (kind.type !== 'line') this.#values.set(name, initial.get(name) ?? defaultValue);
  }

  /** The value of a directive by its canonical name. */
  text(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new TypeError(`no directive ${name}`);
    return value;
  }

  /** Numbers and sizes; a percentage is negative, as in Redis. */
  number(name: string): number {
    const value = this.text(name);
    return value.endsWith('%') ? -Number(value.slice(0, -1)) : Number(value);
  }

  flag(name: string): boolean {
    return this.text(name) === 'yes';
  }

  /** Words of a directive that takes several. */
  words(name: string): string[] {
    const value = this.text(name);
    return value === '' ? [] : value.split(' ');
  }

  /** Registers what has to be done, and can fail, when a directive changes. One per directive. */
  onApply(name: string, apply: ConfigApply): void {
    this.#applies.set(name, apply);
  }

  /** Calls the listener now and after each change. */
  onChange(name: string, listener: (value: string) => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    listener(this.text(name));
  }

  /** Sets a value that the server itself decided (REPLICAOF, a bound port), without asking anyone. */
  note(name: string, value: string): void {
    if (this.text(name) === value) return;
    this.#values.set(name, value);
    for (const listener of this.#listeners.get(name) ?? []) listener(value);
  }

  /** CONFIG SET: all of the changes or none. The order of checks decides which error is reported (config.c). */
  set(changes: readonly ConfigChange[], context: ConfigSetContext): ConfigSetResult {
    const found = changes.map(([name]) => findDirective(name));
    const unknown = found.findIndex((directive) => directive === undefined || directive.kind.type === 'line');
    if (unknown >= 0) return { ok: false, reason: 'unknown', name: changes[unknown]?.[0] ?? '' };
    const directives = found.filter((directive) => directive !== undefined);
    const forbidden = this.#findForbidden(directives, changes, context);
    if (forbidden !== undefined) return forbidden;
    const before = directives.map(({ name }) => this.text(name));
    for (const [index, directive] of directives.entries()) {
      const result = this.#normalise(directive, changes[index]?.[1] ?? '');
      if (!result.ok) {
        this.#restore(directives, before);
        return { ok: false, reason: 'refused', name: spelling(changes[index]), error: result.error };
      }
      this.#values.set(directive.name, result.value);
    }
    return this.#apply(directives, before);
  }

  /** CONFIG GET: exact names (hidden ones too) and globs, in the catalogue's order, each name once. */
  get(patterns: readonly string[]): (readonly [name: string, value: string])[] {
    const matches = new Map<string, string>();
    for (const pattern of patterns) {
      const exact = /[*?[]/.test(pattern) ? undefined : findDirective(pattern);
      if (exact !== undefined && exact.kind.type !== 'line') matches.set(pattern, this.text(exact.name));
      if (exact !== undefined || !/[*?[]/.test(pattern)) continue;
      for (const { name, aliases, hidden } of DIRECTIVES)
        for (const shown of hidden ? [] : [name, ...aliases])
          if (matchGlob(pattern, shown, true)) matches.set(shown, this.text(name));
    }
    return [...matches];
  }

  #findForbidden(
    directives: readonly Directive[],
    changes: readonly ConfigChange[],
    context: ConfigSetContext,
  ): ConfigSetResult | undefined {
    for (const [index, directive] of directives.entries()) {
      const refuse = (error: string): ConfigSetResult => ({
        ok: false,
        reason: 'refused',
        name: changes[index]?.[0] ?? '',
        error,
      });
      if (!directive.runtime) return refuse("can't set immutable config");
      if (directive.guarded && !context.mayGuarded) return refuse("can't set protected config");
      if (directive.notWhileLoading && context.isLoading) return { ok: false, reason: 'loading' };
      if (directives.indexOf(directive) !== index) return refuse('duplicate parameter');
    }
    return undefined;
  }

  #normalise(directive: Directive, value: string): Normalised {
    const args = directive.multiple ? value.split(' ') : [value];
    return normaliseValue(directive, args, directive.name === 'save' ? '' : this.text(directive.name));
  }

  #apply(directives: readonly Directive[], before: readonly string[]): ConfigSetResult {
    const changed = directives.filter(({ name }, index) => this.text(name) !== before[index]);
    const pending: PendingApply[] = [];
    for (const [done, { name }] of changed.entries()) {
      const previous = before[directives.findIndex((directive) => directive.name === name)] ?? '';
      const outcome = this.#applies.get(name)?.(this.text(name), previous);
      if (outcome === undefined) continue;
      if (typeof outcome !== 'string') {
        pending.push({ name, outcome });
        continue;
      }
      const current = changed.slice(0, done).map((entry) => this.text(entry.name));
      this.#restore(directives, before);
      for (const [index, undone] of changed.slice(0, done).entries())
        void this.#applies.get(undone.name)?.(this.text(undone.name), current[index] ?? '');
      return { ok: false, reason: 'refused', name, error: outcome };
    }
    this.#tell(changed);
    const result = { ok: true, changed: changed.map(({ name }) => name) } as const;
    if (pending.length === 0) return result;
    const undo = async (): Promise<void> => {
      const current = changed.map(({ name }) => this.text(name));
      this.#restore(directives, before);
      for (const [index, { name }] of changed.entries())
        await this.#applies.get(name)?.(this.text(name), current[index] ?? '');
      this.#tell(changed);
    };
    return { ...result, later: this.#conclude(result, pending, undo) };
  }

  async #conclude(
    result: ConfigSetResult,
    pending: readonly PendingApply[],
    undo: () => Promise<void>,
  ): Promise<ConfigSetResult> {
    for (const { name, outcome } of pending) {
      const error = await outcome;
      if (error === undefined) continue;
      await undo();
      return { ok: false, reason: 'refused', name, error };
    }
    return result;
  }

  #tell(changed: readonly Directive[]): void {
    for (const { name } of changed)
      for (const listener of this.#listeners.get(name) ?? []) listener(this.text(name));
  }

  #restore(directives: readonly Directive[], before: readonly string[]): void {
    for (const [index, { name }] of directives.entries()) this.#values.set(name, before[index] ?? '');
  }
}

/** The name by which a directive was given, as errors tell it. */
function spelling(change: ConfigChange | undefined): string {
  return change?.[0].toLowerCase() ?? '';
}
