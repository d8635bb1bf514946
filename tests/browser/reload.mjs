// Owns: a page that vanishes without a goodbye and comes back finds its seat again. The proxy freezes the old connection
// before the reload, so the server hears neither a close nor a FIN of it, only a new register in a full room.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { inCall } from './peer.mjs';

/** The same clientId takes its own seat back at once. */
export const sameId = {
  name: 'reload-same-id',
  run: (stage) => comeBack(stage, { clientId: randomUUID(), acceptMsMost: 1_000 }),
};

/** The SDK's default, a new clientId for every load of the page: the server has to find out which seat is dead. */
export const newId = {
  name: 'reload-new-id',
  run: (stage) => comeBack(stage, { clientId: undefined, acceptMsMost: 5_000 }),
};

async function comeBack(stage, { clientId, acceptMsMost }) {
  const proxy = await stage.proxy();
  const [stays, reloads] = await stage.openPeers('stays', 'reloads');
  await stage.startCall(stays, reloads, { secondUrl: proxy.url, secondId: clientId });
  await inCall(stays, reloads);

  const since = stays.wire.mark();
  const frozen = proxy.freeze();
  assert.equal(frozen.length, 1, 'one connection to freeze');
  await reloads.reload();
  assert.equal(frozen[0].endedByServer, false, 'the server believes the ghost alive when the page comes back');
  assert.equal(stays.wire.find('received', 'bye', since), undefined, 'nobody has said bye yet');

  // The ghost's room is gone, so the page that comes back is the first in the new one.
  const acceptMs = await reloads.takeSeat(proxy.url, stage.roomId, { second: false, clientId });
  assert.ok(acceptMs <= acceptMsMost, `accept took ${acceptMs} ms, at most ${acceptMsMost}`);

  await stays.isSentAway(since);
  await stays.takeSeat(stage.signalingUrl, stage.roomId, { second: true });
  return `accept ${acceptMs} ms, ${await inCall(stays, reloads)}`;
}
