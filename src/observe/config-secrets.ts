import { findDirective } from '../conf/directives.ts';
import type { SecretState, SecretStates } from './observation.ts';
import type { ConfDirective } from './observation.ts';
import type { Reply } from './reply.ts';

/** `CONFIG GET *` with its secrets; it never leaves `observe`. */
export type RawConfig = ReadonlyMap<string, string>;

const MASK = '***';

/** Empty when the reply is an error: a user may be denied CONFIG. */
export function readConfig(reply: Reply): RawConfig {
  const config = new Map<string, string>();
  if (!Array.isArray(reply)) return config;
  for (let index = 0; index + 1 < reply.length; index += 2) {
    const [name, value] = [reply[index] as Reply, reply[index + 1] as Reply];
    if (typeof name === 'string' && typeof value === 'string') config.set(name, value);
  }
  return config;
}

/** '***' for a secret that is set, '' for one that is not. */
export function maskConfig(config: RawConfig): Map<string, string> {
  return new Map([...config].map(([name, value]) => [name, isSecret(name) && value !== '' ? MASK : value]));
}

/** Secrets of conf lines: whole values, and in `user` lines the passwords and their hashes. */
export function maskLine({ name, args }: ConfDirective): ConfDirective {
  if (name === 'user') {
    return { name, args: args.map((arg) => (/^[><#!]/.test(arg) ? `${arg.charAt(0)}${MASK}` : arg)) };
  }
  return isSecret(name) ? { name, args: args.map((arg) => (arg === '' ? '' : MASK)) } : { name, args };
}

export function stateOfSecrets(config: RawConfig, declared: string | null): SecretStates {
  const stateOf = (name: string): SecretState => {
    const value = config.get(name);
    if (value === undefined) return 'unknown';
    if (value === '') return 'unset';
    return value === declared ? 'declared' : 'other';
  };
  return { requirepass: stateOf('requirepass'), masterauth: stateOf('masterauth') };
}

function isSecret(name: string): boolean {
  return name !== 'masteruser' && (findDirective(name)?.secret === true || /(?:pass|auth)$/.test(name));
}
