// Owns: a third page is turned away with reason `full`, and the two who are in the call notice nothing.

import assert from 'node:assert/strict';
import { inCall } from './peer.mjs';

export const name = 'full';

export async function run(stage) {
  const [first, second, third] = await stage.openPeers('first', 'second', 'third');
  await stage.startCall(first, second);
  await inCall(first, second);
  const before = await Promise.all([first, second].map(noticed));

  const { outcome, answer } = await third.register(stage.signalingUrl, stage.roomId);
  assert.deepEqual(answer, { type: 'reject', reason: 'full' });
  assert.equal(outcome, 'REJECTED', "the SDK's promise");
  const told = await third.hasEvent('disconnect');
  assert.equal(told.reason, 'full', "the SDK's disconnect callback");
  const closed = await third.hasEvent('socket-closed');
  assert.equal(closed.code, 1000);
  assert.equal(third.wire.find('received', 'offer'), undefined, "the third page is in nobody's call");

  const frames = await inCall(first, second);
  assert.deepEqual(await Promise.all([first, second].map(noticed)), before, 'the two in the call noticed nothing');
  return frames;
}

/** All that a disturbance would change: the SDK's events, and frames other than pings, pongs and late candidates. */
async function noticed(peer) {
  const keepAlive = ['ping', 'pong', 'candidate'];
  const frames = peer.wire.entries.filter((entry) => !keepAlive.includes(entry.type));
  return { events: await peer.events(), frames: frames.map(({ socket, direction, type }) => `${socket} ${direction} ${type}`) };
}
