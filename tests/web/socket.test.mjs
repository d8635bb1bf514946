// Owns: how long the client's socket waits before it connects again.

import assert from 'node:assert/strict';
import { test } from 'node:test';

/** Time that passes only when it is told to, timers that only note for how long, and sockets that do nothing by themselves. */
function stage() {
  const made = { now: 0, waits: [], sockets: [], listeners: {} };
  const globals = {
    performance: { now: () => made.now },
    setTimeout: (act, ms) => made.waits.push({ act, ms }),
    clearTimeout() {},
    addEventListener: (name, act) => (made.listeners[name] = act),
    document: { visibilityState: 'visible', addEventListener() {} },
    WebSocket: class {
      constructor() {
        made.sockets.push(this);
      }
      close() {}
      send() {}
    },
  };
  for (const [name, value] of Object.entries({ ...globals, navigator: {} })) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  // The longest wait there can be.
  Math.random = () => 1;
  return made;
}

const made = stage();
const { Socket } = await import('../../src/web/suzu-socket.js');

function started() {
  Object.assign(made, { now: 0, waits: [], sockets: [] });
  const owner = { opened() {}, received() {}, lost() {}, networkChanged() {}, pageHidden() {} };
  const socket = new Socket('ws://box/mesh', owner);
  socket.start();
  return socket;
}

/** Loses the connection, and connects again when it is time: the milliseconds of the wait. */
function lose() {
  made.sockets.at(-1).onclose({ code: 1006, reason: '' });
  const { act, ms } = made.waits.at(-1);
  made.now += ms;
  act();
  return ms;
}

test('the waits grow with the time for which the server is away', () => {
  const socket = started();
  socket.seated();
  made.now += 60_000;
  assert.deepEqual([lose(), lose(), lose(), lose()], [500, 500, 1000, 2000]);
  for (let attempt = 0; attempt < 5; attempt += 1) lose();
  assert.equal(lose(), 15_000);
});

test('the time for which there was a connection is not the time without one', () => {
  const socket = started();
  socket.seated();
  for (let loss = 0; loss < 2; loss += 1) {
    made.now += 12_000;
    assert.equal(lose(), 500, 'a seat is kept for 10 s');
    socket.seated();
  }
});

test('a server that ends each connection at once is not asked ever so often', () => {
  const socket = started();
  const waits = [];
  for (let loss = 0; loss < 8; loss += 1) {
    socket.seated();
    waits.push(lose());
  }
  assert.deepEqual(waits, [500, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

test('the time for which a page was asleep is not the time without a server', () => {
  const socket = started();
  socket.seated();
  made.now += 60_000;
  made.listeners.pagehide();
  made.now += 3_600_000;
  made.listeners.pageshow();
  const { act, ms } = made.waits.at(-1);
  assert.equal(ms, 0);
  act();
  // The Wi-Fi of a phone that wakes up needs a moment, too.
  assert.equal(lose(), 500);
});
