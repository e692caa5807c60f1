import { mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { SshSpec } from '../topology/model.ts';
import { ReplctlError } from '../errors.ts';
import {
  type DetachedProcess,
  type Host,
  type PortHolder,
  type ProcessIdentity,
  type RunOptions,
  type RunResult,
  type SpawnOptions,
  isSameProcess,
} from './host.ts';
import { describeProcess } from './local-process.ts';

const CONNECT_TIMEOUT_SECONDS = 5;
/** ssh's own failures: no route, no key, no host. */
const SSH_FAILED = 255;
/** Our scripts' word for "there is no such thing". */
const NOTHING = 66;

/** A machine reached over ssh, by the user's own ssh configuration, keys and agent; it never asks for anything. */
export function sshHost(spec: SshSpec, ssh = 'ssh'): Host {
  const name = spec.destination;
  const connection = [ssh, ...connectionOptions(spec), '--', spec.destination];

  /** Runs a script of ours; its operands arrive as $1, $2, … and need no quoting of their own. */
  async function runScript(
    script: string,
    operands: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult> {
    const { runProcess } = await import('./run-process.ts');
    const remote = ['sh', '-c', script, 'replctl', ...operands].map(quote).join(' ');
    const result = await runProcess([...connection, remote], options);
    if (result.exitCode === SSH_FAILED || result.exitCode === null) {
      throw new ReplctlError(
        'UNREACHABLE',
        `${name} cannot be reached by ssh (${lastLine(result.stderr) || 'no answer in time'})`,
        {
          hint: `ssh ${name} must work without a password prompt`,
          details: { destination: name },
        },
      );
    }
    return result;
  }

  async function mustRun(
    what: string,
    script: string,
    operands: readonly string[],
    input?: string,
  ): Promise<string> {
    const { exitCode, stdout, stderr } = await runScript(
      script,
      operands,
      input === undefined ? {} : { input },
    );
    if (exitCode === 0) return stdout;
    throw new ReplctlError(
      'REFUSED',
      `cannot ${what} ${operands[0] ?? ''} on ${name} (${lastLine(stderr) || `exit ${exitCode}`})`,
      {
        hint: `check the owner and the permissions on ${name}`,
        details: { path: operands[0], exitCode },
      },
    );
  }

  async function orNull(script: string, operands: readonly string[]): Promise<string | null> {
    const { exitCode, stdout } = await runScript(script, operands);
    return exitCode === 0 ? stdout : null;
  }

  async function processFacts(pid: number): Promise<ProcessIdentity | null> {
    const out = await orNull(FACTS_SCRIPT, [String(pid)]);
    if (out === null) return null;
    const [stat = '', bootId = '', ...commandLine] = out.split('\n');
    return describeProcess(pid, stat, bootId, commandLine.join('\n'));
  }

  return {
    name,
    isLocal: false,
    run: (argv, options) => runScript('exec "$@"', argv, options),
    readFile: (file) => orNull(`[ -e "$1" ] || exit ${NOTHING}; cat "$1"`, [file]),
    async readHead(file, maxBytes) {
      const script = '[ -e "$1" ] || exit 66; od -An -v -tx1 -N "$2" "$1"';
      const hex = await orNull(script, [file, String(maxBytes)]);
      return hex === null ? null : Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
    },
    readTail: (file, maxBytes) =>
      orNull('[ -e "$1" ] || exit 66; tail -c "$2" "$1"', [file, String(maxBytes)]),
    async writeFile(file, text, mode = 0o600) {
      const bytes = String(Buffer.byteLength(text));
      await mustRun('write', WRITE_SCRIPT, [file, bytes, mode.toString(8)], text);
    },
    exists: async (file) => (await runScript('[ -e "$1" ]', [file])).exitCode === 0,
    async makeDir(dir) {
      await mustRun(
        'use the folder',
        'umask 077; mkdir -p "$1" && [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]',
        [dir],
      );
    },
    async remove(file) {
      await mustRun('remove', 'rm -rf -- "$1"', [file]);
    },
    async spawnDetached(
      argv: readonly string[],
      { cwd, outputFile }: SpawnOptions,
    ): Promise<DetachedProcess> {
      const pid = await mustRun('start a process in', SPAWN_SCRIPT, [cwd, outputFile, ...argv]);
      return {
        pid: Number(pid.trim()),
        async exitCode() {
          const text = await orNull('cat "$1.exit" 2>/dev/null', [outputFile]);
          return text === null || text.trim() === '' ? null : Number(text.trim());
        },
      };
    },
    processFacts,
    async signal(identity, signal) {
      const current = await processFacts(identity.pid);
      if (current === null || !isSameProcess(current, identity)) return false;
      const script = 'kill -s "$1" "$2"';
      return (await runScript(script, [signal.slice(3), String(identity.pid)])).exitCode === 0;
    },
    async portHolder(port): Promise<PortHolder | null> {
      const out = await orNull(HOLDER_SCRIPT, [String(port)]);
      if (out === null) return null;
      const pid = Number.parseInt(out, 10);
      if (Number.isNaN(pid)) return { pid: null, command: null };
      return { pid, command: (await processFacts(pid))?.commandLine ?? null };
    },
  };
}

/** One connection per destination, kept for a minute: a round trip then costs milliseconds. */
function connectionOptions({ port, identityFile }: SshSpec): string[] {
  const folder = path.join(tmpdir(), `replctl-ssh-${userInfo().username}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const options = [
    'BatchMode=yes',
    `ConnectTimeout=${CONNECT_TIMEOUT_SECONDS}`,
    'ControlMaster=auto',
    `ControlPath=${folder}/%C`,
    'ControlPersist=60',
  ];
  return [
    ...options.flatMap((option) => ['-o', option]),
    ...(port === null ? [] : ['-p', String(port)]),
    ...(identityFile === null ? [] : ['-i', identityFile]),
  ];
}

/** A connection lost half-way ends the input early: only a file of the announced length takes the name. */
const WRITE_SCRIPT = `umask 077
t="$1.$$.tmp"
trap 'rm -f "$t"' EXIT
cat >"$t" || exit 1
[ "$(wc -c <"$t")" -eq "$2" ] || { echo "incomplete" >&2; exit 1; }
chmod "$3" "$t" && { sync "$t" 2>/dev/null || sync; } && mv -f "$t" "$1"`;

/** In a session of its own where there is setsid; the exit code is left beside the output. */
const SPAWN_SCRIPT = `umask 077
cd "$1" || exit 1
out="$2"; shift 2
: >"$out" || exit 1
rm -f "$out.exit"
session=; command -v setsid >/dev/null 2>&1 && session=setsid
nohup $session sh -c '"$@" >>"$0" 2>&1 </dev/null; echo $? >"$0.exit"' "$out" "$@" >/dev/null 2>&1 </dev/null &
echo $!`;

/** Three parts, a line each: stat, boot id, command line; \`ps\` fills the same form where there is no /proc. */
const FACTS_SCRIPT = `if [ -d /proc/self ]; then
  [ -r "/proc/$1/stat" ] || exit ${NOTHING}
  cat "/proc/$1/stat" /proc/sys/kernel/random/boot_id && tr '\\0' ' ' <"/proc/$1/cmdline"
else
  s=$(ps -o state= -p "$1") && b=$(ps -o lstart= -p "$1") || exit ${NOTHING}
  printf '%s (ps) %s 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\\n%s\\n' "$1" "$s" "$b" && ps -ww -o command= -p "$1"
fi`;

const HOLDER_SCRIPT = `if [ -r /proc/net/tcp ]; then
  h=$(printf ':%04X' "$1")
  inodes=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v h="$h" '$4 == "0A" && substr($2, length($2) - 4) == h { print $10 }')
  [ -n "$inodes" ] || exit ${NOTHING}
  for inode in $inodes; do for p in /proc/[0-9]*; do
    if ls -l "$p/fd" 2>/dev/null | grep -qF "socket:[$inode]"; then echo "\${p#/proc/}"; exit 0; fi
  done; done
  echo unknown
else
  pid=$(lsof -nP "-iTCP:$1" -sTCP:LISTEN -t 2>/dev/null | head -n 1)
  [ -n "$pid" ] || exit ${NOTHING}
  echo "$pid"
fi`;

/** For the login shell at the other end, whichever it is of the Bourne family. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
