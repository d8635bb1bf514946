// Owns: when one leaves, the other gets `bye` and then the close 1000 on which the SDK cleans up; after that both can
// meet in the same room again. The leaver holds the second seat first, then the first one.

import assert from 'node:assert/strict';
import { inCall } from './peer.mjs';

export const name = 'bye';

/** The SDK's disconnect() waits for the closing handshake; Chromium gives up on it after 2 s. */
const closingMsMost = 1_900;

export async function run(stage) {
  const [first, second] = await stage.openPeers('first', 'second');
  await stage.startCall(first, second);
  await inCall(first, second);

  await leave(second, first);
  await stage.startCall(second, first);
  await inCall(first, second);

  await leave(second, first);
  await stage.startCall(first, second);
  return inCall(first, second);
}

async function leave(leaver, other) {
  const since = other.wire.mark();
  const closingMs = await leaver.disconnect();
  assert.ok(closingMs <= closingMsMost, `${leaver.name}'s closing handshake took ${closingMs} ms`);
  const closed = await leaver.hasEvent('socket-closed');
  assert.ok(closed.wasClean, `${leaver.name}'s closing handshake was completed: ${JSON.stringify(closed)}`);
  await other.isSentAway(since);
}
