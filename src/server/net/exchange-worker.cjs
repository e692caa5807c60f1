// The thread behind exchange.ts: holds its connections, takes one exchange at a time, answers by a message and wakes
// who waits for it.
'use strict';
const net = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');

const connections = new Map();

parentPort.on('message', ({ name, target, exchange }) => {
  if (exchange === undefined) close(name);
  else
    carryOut(name, target, exchange, (outcome) => {
      if (outcome.failure !== undefined) close(name);
      workerData.port.postMessage(outcome);
      Atomics.store(workerData.signal, 0, 1);
      Atomics.notify(workerData.signal, 0);
    });
});

function carryOut(name, target, exchange, done) {
  try {
    // What cannot be a port, and certificates that are none, are refused here and now.
    if (target !== undefined) connections.set(name, new Connection(target));
  } catch (error) {
    done({ lines: [], failure: { stage: 'connecting', hasTimedOut: false, reason: error.message } });
    return;
  }
  connections.get(name).carryOut(exchange, done);
}

function close(name) {
  connections.get(name)?.socket.destroy();
  connections.delete(name);
}

class Connection {
  #stage = 'connecting';
  #reason = 'closed by peer';
  #received = '';
  /** Undefined while the connection is only kept. */
  #exchange;

  constructor({ host, port, tls }) {
    const target = { host, port, noDelay: true };
    const isPlain = tls === undefined;
    this.socket = isPlain ? net.connect(target) : connectTls({ ...target, ...tls });
    this.socket.setEncoding('latin1');
    this.socket.on(isPlain ? 'connect' : 'secureConnect', () => this.#send());
    this.socket.on('data', (text) => this.#receive(text));
    this.socket.on('timeout', () => this.#finish(true));
    this.socket.on('close', () => this.#finish(false));
    this.socket.on('error', ({ code, message }) => {
      this.#reason = code ?? message;
      // Redis learns only when it writes that nobody listens (`connSocketBlockingConnect` in socket.c).
      if (isPlain && code === 'ECONNREFUSED') this.#stage = 'writing';
    });
  }

  /** Sends the request and gathers as many lines as there are replies; each step may take `timeoutMs`. */
  carryOut(exchange, done) {
    this.#exchange = { ...exchange, done };
    this.#received = '';
    if (!this.socket.writable) {
      this.#finish(false);
      return;
    }
    this.socket.setTimeout(exchange.timeoutMs);
    if (this.#stage !== 'connecting') this.#send();
  }

  #send() {
    this.#stage = 'writing';
    this.socket.write(this.#exchange.request, () => {
      this.#stage = 'reading';
    });
  }

  #receive(text) {
    // What nobody asked for would be taken for the reply to what is asked next.
    if (this.#exchange === undefined) {
      this.socket.destroy();
      return;
    }
    this.#stage = 'reading';
    this.#received += text;
    if (this.#lines().length >= this.#exchange.replyCount) this.#conclude();
  }

  #lines() {
    return this.#received.split('\r\n').slice(0, -1);
  }

  #finish(hasTimedOut) {
    this.#conclude({ stage: this.#stage, hasTimedOut, reason: hasTimedOut ? 'timeout' : this.#reason });
  }

  #conclude(failure) {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.socket.setTimeout(0);
    exchange?.done({ lines: this.#lines(), failure });
  }
}

function connectTls(options) {
  // As Redis: the chain is verified, the host name is not.
  return require('node:tls').connect({ ...options, checkServerIdentity: () => undefined });
}
