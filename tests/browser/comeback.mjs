// Owns: the clients of src/web/suzu.js in plain Node, a few hundred at once, which lose their server and come back to the next one.
// Usage: SUZU_BIN=suzu node comeback.mjs ws://UNUSED [CLIENTS [SECONDS_DOWN]]
// Exit codes: 0 all came back, 1 some did not, 2 wrong usage, 77 skipped (automake's code for it).

import { existsSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { isGiven, startServer } from './server.mjs';

const deadlineMs = 30_000;
/** The connections of so many milliseconds are counted together. */
const bucketMs = 100;

const [clients = 200, secondsDown = 0] = process.argv.slice(3).map(Number);
if (!isGiven() || !(Number.isInteger(clients) && clients > 0 && secondsDown >= 0)) {
  console.error('usage: SUZU_BIN=suzu node comeback.mjs ws://UNUSED [CLIENTS [SECONDS_DOWN]]');
  process.exit(2);
}
if (!existsSync(new URL('node_modules/ws/package.json', import.meta.url))) {
  console.log('skipped: needs npm ci in tests/browser');
  process.exit(77);
}
const { WebSocket } = await import('ws');

/** When somebody tried to connect. */
const tries = [];
class CountedWebSocket extends WebSocket {
  constructor(url) {
    tries.push(performance.now());
    super(url);
    // Without a listener an error would end the process; the client goes by the close that follows.
    this.on('error', () => {});
  }
}
// What a page has and the client uses.
const page = { visibilityState: 'visible', addEventListener() {} };
Object.assign(globalThis, { WebSocket: CountedWebSocket, document: page, addEventListener() {}, location: { href: 'http://localhost/' } });
Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
const { Suzu } = await import('../../src/web/suzu.js');

const server = await startServer(['--tls', 'off', '--max-connections-per-address', '0', '--max-connections-per-second', '0']);
try {
  const seatedAt = new Map();
  const peers = Array.from({ length: clients }, (_, index) => {
    const peer = new Suzu({ room: `room ${Math.floor(index / 2)}`, url: `${server.url}/mesh`, storage: null });
    peer.addEventListener('state', ({ detail: { state } }) => {
      if (state === 'connected') seatedAt.set(peer, performance.now());
    });
    peer.connect();
    return peer;
  });
  const allSeated = () => until('all to be seated', () => peers.every(({ state }) => state === 'connected'));
  await allSeated();

  await server.stop();
  const goneAt = performance.now();
  await until('every client to notice', () => peers.every(({ state }) => state === 'connecting'));
  await pause(1000 * secondsDown);
  seatedAt.clear();
  await server.start();
  const backAt = performance.now();
  await allSeated();
  // And nobody is in a room but the two who belong there.
  await until('both in every room', () => peers.every(({ peers: others }) => others.size === 1));

  const perBucket = new Map();
  for (const at of tries.filter((at) => at > goneAt)) {
    const bucket = Math.floor((at - goneAt) / bucketMs);
    perBucket.set(bucket, (perBucket.get(bucket) ?? 0) + 1);
  }
  const triesPer100Ms = Array.from({ length: Math.max(...perBucket.keys()) + 1 }, (_, index) => perBucket.get(index) ?? 0);
  console.log(JSON.stringify({
    seated: seatedAt.size,
    downMs: Math.round(backAt - goneAt),
    lastSeatMs: Math.max(0, Math.round(Math.max(...seatedAt.values()) - backAt)),
    tries: triesPer100Ms.reduce((sum, count) => sum + count),
    triesMostIn100Ms: Math.max(...triesPer100Ms),
    triesPer100Ms,
  }));
} finally {
  await server.stop();
}
process.exit(0);

async function until(what, isSo) {
  const start = performance.now();
  while (!isSo()) {
    if (performance.now() - start > deadlineMs) throw new Error(`waited in vain for ${what}`);
    await pause(5);
  }
}
