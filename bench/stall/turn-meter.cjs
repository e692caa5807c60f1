// Loaded into a server: meters the processor time of its main thread in each turn of the event loop. On SIGUSR2 the
// longest since the last one, in milliseconds, is written to the file REPLCTL_BENCH_TURNS. The kernel adds a thread's
// time up when it ticks (every 4 ms at 250 Hz), so a turn may be shown that much too long.
const { openSync, readSync, renameSync, writeFileSync } = require('node:fs');

const schedule = openSync('/proc/self/schedstat', 'r');
const text = Buffer.alloc(64);
const file = process.env.REPLCTL_BENCH_TURNS;
let longest = 0;
let last = ranMs();

function ranMs() {
  readSync(schedule, text, 0, text.length, 0);
  return Number(text.latin1Slice(0, text.indexOf(' '))) / 1e6;
}

function turn() {
  const ran = ranMs();
  longest = Math.max(longest, ran - last);
  last = ran;
  setImmediate(turn);
}

process.on('SIGUSR2', () => {
  writeFileSync(`${file}.new`, String(longest));
  renameSync(`${file}.new`, file);
  longest = 0;
});
turn();
