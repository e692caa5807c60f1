// The thread behind exchange.ts: takes one exchange at a time, answers by a message and wakes who waits for it.
'use strict';
const net = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');

parentPort.on('message', (exchange) => {
  carryOut(exchange, (outcome) => {
    workerData.port.postMessage(outcome);
    Atomics.store(workerData.signal, 0, 1);
    Atomics.notify(workerData.signal, 0);
  });
});

/** Connects, sends the request and gathers as many lines as there are replies; each step may take `timeoutMs`. */
function carryOut({ host, port, request, replyCount, timeoutMs }, done) {
  let stage = 'connecting';
  let received = '';
  const socket = net.connect({ host, port, noDelay: true, timeout: timeoutMs });
  const lines = () => received.split('\r\n').slice(0, -1);
  const finish = (hasTimedOut, isComplete) => {
    socket.removeAllListeners();
    socket.on('error', () => undefined);
    socket.destroy();
    done({ lines: lines(), failure: isComplete ? undefined : { stage, hasTimedOut } });
  };
  socket.setEncoding('latin1');
  socket.on('connect', () => {
    stage = 'writing';
    socket.write(request, () => {
      stage = 'reading';
    });
  });
  socket.on('data', (text) => {
    stage = 'reading';
    received += text;
    if (lines().length >= replyCount) finish(false, true);
  });
  socket.on('timeout', () => finish(true, false));
  socket.on('error', ({ code }) => {
    // Redis learns only when it writes that nobody listens (`connBlockingConnect` in connection.c).
    if (code === 'ECONNREFUSED') stage = 'writing';
    finish(false, false);
  });
  socket.on('close', () => finish(false, false));
}
