import { open } from 'node:fs/promises';
import { ReplctlError } from '../errors.ts';
import type { NodeSpec, SecretRef, Topology, TopologyProblem } from './model.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Secret {
  readonly value: string;
  /** Set when the file may be read by others than its owner. */
  readonly warning: string | null;
}

/** Passwords at the moment they are needed. Never stored, printed or put into the model. */
export interface Secrets {
  readonly passwordOf: (node: NodeSpec) => string | null;
  readonly warnings: readonly string[];
}

/** Stands where a secret would, in everything that is shown or compared. */
export const SECRET_MASK = '***';

/** Gives the mask for every declared password: for display, and for comparing with a masked CONFIG GET. */
export const MASKED_SECRETS: Secrets = {
  passwordOf: (node) => (node.auth.password === null ? null : SECRET_MASK),
  warnings: [],
};

// Redis keeps a password of any length, but one line of its conf, and of ours, must stay readable.
const MAX_BYTES = 64 * 1024;

/** Reads every password the topology names. Throws TOPOLOGY_INVALID for the first that is missing. */
export async function readSecrets(topology: Topology, env: Env = process.env): Promise<Secrets> {
  const values = new Map<string, Secret>();
  for (const { auth } of topology.nodes) {
    if (auth.password === null || values.has(nameSecret(auth.password))) continue;
    values.set(nameSecret(auth.password), await readSecret(auth.password, env));
  }
  return {
    passwordOf: ({ auth }) =>
      auth.password === null ? null : (values.get(nameSecret(auth.password))?.value ?? null),
    warnings: [...values.values()].flatMap(({ warning }) => warning ?? []),
  };
}

/** Reads one secret; of a file, without its trailing newline. Throws TOPOLOGY_INVALID, never showing any of it. */
export async function readSecret(ref: SecretRef, env: Env = process.env): Promise<Secret> {
  const { value, warning } =
    ref.kind === 'env' ? readVariable(ref.variable, env) : await readSecretFile(ref.path);
  const fault = faultOf(value);
  if (fault === null) return { value, warning };
  throw new ReplctlError('TOPOLOGY_INVALID', `${nameSecret(ref)} holds ${fault}`, {
    hint: ref.kind === 'env' ? `export ${ref.variable}=…` : `write the password into ${ref.path}`,
  });
}

/** What `validate` reports about secrets: those missing as problems, files open to others as warnings. */
export async function checkSecrets(
  topology: Topology,
  env: Env = process.env,
): Promise<{ readonly problems: TopologyProblem[]; readonly warnings: TopologyProblem[] }> {
  const problems: TopologyProblem[] = [];
  const warnings: TopologyProblem[] = [];
  const users = new Map<string, { ref: SecretRef; nodes: string[] }>();
  for (const { id, auth } of topology.nodes) {
    if (auth.password === null) continue;
    const entry = users.get(nameSecret(auth.password)) ?? { ref: auth.password, nodes: [] };
    entry.nodes.push(id);
    users.set(nameSecret(auth.password), entry);
  }
  for (const { ref, nodes } of users.values()) {
    const at = { line: null, column: null, path: `password of ${nodes.join(', ')}` };
    try {
      const { warning } = await readSecret(ref, env);
      if (warning !== null) warnings.push({ ...at, message: warning, hint: null });
    } catch (error) {
      if (!(error instanceof ReplctlError)) throw error;
      problems.push({ ...at, message: error.message, hint: error.hint ?? null });
    }
  }
  return { problems, warnings };
}

function nameSecret(ref: SecretRef): string {
  return ref.kind === 'env' ? `the environment variable ${ref.variable}` : `the file ${ref.path}`;
}

function readVariable(variable: string, env: Env): Secret {
  const value = env[variable];
  if (value !== undefined) return { value, warning: null };
  throw new ReplctlError('TOPOLOGY_INVALID', `the environment variable ${variable} is not set`, {
    hint: `export ${variable}=…`,
  });
}

async function readSecretFile(file: string): Promise<Secret> {
  try {
    const handle = await open(file, 'r');
    try {
      const { mode, size } = await handle.stat();
      if (size > MAX_BYTES) return { value: ' '.repeat(MAX_BYTES + 1), warning: null };
      const value = (await handle.readFile('utf8')).replace(/\r?\n$/, '');
      const isOpen = (mode & 0o077) !== 0 && process.platform !== 'win32';
      const warning = isOpen
        ? `${file} can be read by others (mode ${(mode & 0o777).toString(8)}): chmod 600`
        : null;
      return { value, warning };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new ReplctlError('TOPOLOGY_INVALID', `the secret file ${file} cannot be read (${reason})`, {
      hint: `printf %s "$PASSWORD" > ${file} && chmod 600 ${file}`,
      cause: error,
    });
  }
}

function faultOf(value: string): string | null {
  if (value === '') return 'nothing';
  if (value.includes('\0')) return 'a NUL byte: Redis would cut the password there';
  if (value.includes('\uFFFD')) return 'bytes that are not UTF-8';
  if (Buffer.byteLength(value) > MAX_BYTES) return `more than ${String(MAX_BYTES)} bytes`;
  return null;
}
