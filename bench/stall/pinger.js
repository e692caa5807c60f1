// Pings one server on end from a process of its own. argv: port. Any message ends a phase, and is answered with its
// slowest pings, as [from, to] in milliseconds of the monotonic clock, and with how many there were.
import net from 'node:net';

const KEPT = 200;
const PING = Buffer.from('PING\r\n');
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

let slowest = [];
let count = 0;
let sentMs = 0;

process.on('message', () => {
  process.send({ slowest, count });
  slowest = [];
  count = 0;
});
process.on('disconnect', () => process.exit());

const socket = net.connect(Number(process.argv[2]), '127.0.0.1', ping);
socket.setNoDelay(true);
socket.on('data', () => {
  record([sentMs, nowMs()]);
  setTimeout(ping, 1);
});

function ping() {
  sentMs = nowMs();
  socket.write(PING);
}

function record(span) {
  count += 1;
  slowest.push(span);
  if (slowest.length < 2 * KEPT) return;
  slowest = slowest.toSorted((a, b) => b[1] - b[0] - (a[1] - a[0])).slice(0, KEPT);
}
