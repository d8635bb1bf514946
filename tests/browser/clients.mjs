// Owns: the ayame, mailbox and relay clients in docs/dialects/clients do what their pages say, two pages each.

import assert from 'node:assert/strict';

/** A call with moving pictures both ways, and another one after the second page has left and come back. */
export const ayame = {
  name: 'docs-ayame',
  async run(stage) {
    const first = await stage.openGuest('first', 'ayame');
    await first.logs(`in room ${stage.roomId}`);
    const second = await stage.openGuest('second', 'ayame');
    await Promise.all([first, second].map(seesTheOther));

    await second.page.reload();
    await first.logs('the call is over: WS-CLOSED');
    return `frames ${(await Promise.all([first, second].map(seesTheOther))).join('/')}`;
  },
};

async function seesTheOther(guest) {
  const shown = () =>
    guest.page.evaluate(() => {
      const remote = document.querySelector('#remote');
      return remote.srcObject === null ? 0 : remote.getVideoPlaybackQuality().totalVideoFrames;
    });
  const before = await guest.until('picture of the other', shown);
  return guest.until(`frames beyond ${before}`, async () => ((await shown()) >= before + 3 ? shown() : 0));
}

/** A data channel between two pages. */
export const mailbox = {
  name: 'docs-mailbox',
  async run(stage) {
    const offerer = await stage.openGuest('offerer', 'mailbox');
    await offerer.wire.until('offer with its candidates', () => offerer.wire.find('sent', 'offer'), 10_000);
    const stored = offerer.wire.filter('sent', ['candidateAdd']).length;
    assert.ok(stored > 0, 'the offerer left its candidates with the server');

    const answerer = await stage.openGuest('answerer', 'mailbox');
    await Promise.all([offerer, answerer].map((guest) => guest.logs('connected')));
    // What the wire shows may come later than what the page says about it.
    const sees = () => answerer.wire.find('received', 'candidate');
    await answerer.wire.until('the stored candidates', sees, 10_000);
    const brought = sees().message.candidate.split('|');
    assert.equal(brought.length, stored, 'the answerer got all of them in one message');
    return talk(offerer, answerer);
  },
};

/** Messages that arrive as a Blob, which the page reads with `.text()`. */
export const relay = {
  name: 'docs-relay',
  async run(stage) {
    const guests = await Promise.all([stage.openGuest('first', 'relay'), stage.openGuest('second', 'relay')]);
    await Promise.all(guests.map((guest) => guest.logs(`in room ${stage.roomId}`)));
    return talk(...guests);
  },
};

/** Each says three things, and hears what the other says, in order, and nothing else. */
async function talk(first, second) {
  const said = ['good morning', 'お早う', '{"type":"offer"}'];
  for (const [from, to] of [[first, second], [second, first]]) {
    for (const text of said) await from.types(`${from.name}: ${text}`);
    await to.logs(`other: ${from.name}: ${said.at(-1)}`);
    const heard = (await to.lines()).filter((line) => line.startsWith('other: '));
    assert.deepEqual(heard, said.map((text) => `other: ${from.name}: ${text}`), `what ${to.name} heard`);
  }
  return `${2 * said.length} messages`;
}
