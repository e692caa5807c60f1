// Cold start of the CLI, and `up` on redis-server against a bare shell script that starts the same processes and waits
// for the same links.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const BIN = path.join(import.meta.dirname, '..', 'bin', 'run.js');

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function timeMs(work) {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

const node = (...args) => execFileSync(process.execPath, args, { stdio: 'ignore' });

export async function* bench() {
  yield coldStart();
  yield upAgainstShell(2, 7, 5);
  yield upAgainstShell(30, 3, 2);
}

function coldStart() {
  const pairs = Array.from({ length: 21 }, () => [
    timeMs(() => node(BIN, '--version')),
    timeMs(() => node('-e', '0')),
  ]);
  const ours = median(pairs.map(([value]) => value));
  const theirs = median(pairs.map(([, value]) => value));
  return report('replctl --version to node -e 0', ours, theirs, 2.2);
}

function upAgainstShell(replicas, rounds, bar) {
  const pairs = Array.from({ length: rounds }, (_, round) => {
    const base = 21_000 + round * 100;
    return [timeUp(base, replicas), timeShell(base + 50, replicas)];
  });
  const ours = median(pairs.map(([value]) => value));
  const theirs = median(pairs.map(([, value]) => value));
  return report(`up of 1+${replicas} on redis-server to a shell script`, ours, theirs, bar);
}

function report(work, ours, theirs, bar) {
  const ratio = ours / theirs;
  return {
    work,
    ours: `${ours.toFixed(0)} ms`,
    theirs: `${theirs.toFixed(0)} ms`,
    ratio,
    bar: { text: `≤ ${bar}`, holds: ratio <= bar },
  };
}

function timeUp(base, replicas) {
  const dir = mkdtempSync(path.join(tmpdir(), 'replctl-bench-'));
  const ports = Array.from({ length: replicas }, (_, index) => base + 1 + index);
  writeFileSync(
    path.join(dir, 'topology.yaml'),
    `name: bench\nengine: redis\nmaster: ${base}\nreplicas: [${ports.join(', ')}]\n`,
  );
  const run = (...args) => {
    const result = spawnSync(process.execPath, [BIN, ...args], { cwd: dir, encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`replctl ${args.join(' ')}: ${result.stderr}`);
  };
  try {
    return timeMs(() => run('up', '--quiet'));
  } finally {
    run('down', '--quiet');
    rmSync(dir, { recursive: true, force: true });
  }
}

// What `up` does, by hand: a conf for each node, the master answering before its replicas start, every link up, and a
// look at each node at the end.
const SHELL = `
set -e
start() {
  mkdir -p "$DIR/$1"
  cat > "$DIR/$1/redis.conf" <<CONF
port $1
dir $DIR/$1
daemonize yes
pidfile $DIR/$1/redis.pid
logfile $DIR/$1/redis.log
repl-diskless-sync-delay 0
$2
CONF
  redis-server "$DIR/$1/redis.conf"
}
answers() { until redis-cli -p "$1" ping 2>&1 | grep -q PONG; do sleep 0.01; done; }
linked() { until redis-cli -p "$1" info replication | grep -q master_link_status:up; do sleep 0.01; done; }
replicas=$(seq $((BASE + 1)) $((BASE + COUNT)))
start "$BASE"
answers "$BASE"
for port in $replicas; do start "$port" "replicaof 127.0.0.1 $BASE"; done
for port in $replicas; do answers "$port"; linked "$port"; done
for port in "$BASE" $replicas; do redis-cli -p "$port" role; done
`;

const SHELL_STOP = 'for i in $(seq 0 "$COUNT"); do redis-cli -p $((BASE + i)) shutdown nosave; done';

function timeShell(base, replicas) {
  const dir = mkdtempSync(path.join(tmpdir(), 'replctl-bench-'));
  const env = { ...process.env, DIR: dir, BASE: String(base), COUNT: String(replicas) };
  const run = (script) => execFileSync('bash', ['-c', script], { env, stdio: 'ignore' });
  try {
    return timeMs(() => run(SHELL));
  } finally {
    run(SHELL_STOP);
    rmSync(dir, { recursive: true, force: true });
  }
}
