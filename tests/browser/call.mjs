// Owns: two pages with the official SDK reach a call with sound and moving pictures, and what each of them sent is what
// the other received, byte for byte and in order.

import assert from 'node:assert/strict';
import { inCall } from './peer.mjs';

export const name = 'call';

const relayed = ['offer', 'answer', 'candidate'];

export async function run(stage) {
  const [first, second] = await stage.openPeers('first', 'second');
  await stage.startCall(first, second);
  await inCall(first, second);
  await Promise.all([first, second].flatMap((peer) => [peer.pictureIsNotBlack(), peer.soundIsHeard()]));

  assert.ok(second.wire.find('sent', 'offer'), 'the one who found somebody makes the offer');
  assert.ok(first.wire.find('sent', 'answer'), 'the one who waited answers');
  await relaysVerbatim(first, second);
  await relaysVerbatim(second, first);

  return inCall(first, second);
}

async function relaysVerbatim(from, to) {
  await from.hasSentAll();
  const texts = (wire, direction) => wire.filter(direction, relayed).map((entry) => entry.text);
  const sent = texts(from.wire, 'sent');
  const received = await to.wire.until(
    `${sent.length} relayed frames for ${to.name}`,
    () => texts(to.wire, 'received').length >= sent.length && texts(to.wire, 'received'),
    5_000,
  );
  const different = sent.findIndex((text, index) => text !== received[index]);
  const pair = `${received[different]?.slice(0, 80)} instead of ${sent[different]?.slice(0, 80)}`;
  assert.equal(different, -1, `${to.name} received as relayed frame ${different}: ${pair}`);
  assert.equal(received.length, sent.length, `${to.name} received only what ${from.name} sent`);
}
