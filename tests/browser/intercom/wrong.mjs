// Owns: names and messages that are not what they should be, and two pages with the same name.

import assert from 'node:assert/strict';

const markup = '<img src=x onerror="window.broken=1"><b>Bold</b>&amp;';

async function names(home) {
  // The server cuts no name, it refuses long ones; another server might not. So the longest one is slipped in behind it.
  let slip;
  const prepare = (page) => page.routeWebSocket(/\/mesh$/, (socket) => {
    socket.connectToServer();
    slip = (message) => socket.send(JSON.stringify(message));
  });
  const ann = await home.open('Ann', { prepare });
  await home.guest({ name: markup });
  // A longer request than 8 KiB the server refuses.
  const bob = await home.open('Bob', { query: { name: `Bob ${'o'.repeat(5_000)}` } });
  await ann.isConnected();
  slip({ type: 'peer-connected', peer: { id: 'long', name: `<i>${'x'.repeat(10_000)}` } });
  slip({ type: 'peer-connected', peer: { id: 'odd', name: { toString: 7 }, meta: [null] } });
  slip({ type: 'peer-connected', peer: { id: 'turned', name: 'a\u202Eb\u0000\u0007c\n\nd' } });
  await ann.sees(markup, /No intercom/);
  const shown = await ann.until('five tiles', async () => {
    const texts = await ann.page.locator('#stations .name').allTextContents();
    return texts.length === 5 && texts;
  });
  assert.ok(shown.every((name) => [...name].length <= 64), 'no name is longer than 64 characters');
  assert.ok(shown.includes('Station odd') && shown.includes('a b c d'), shown.join(', '));
  assert.ok(shown.some((name) => name.startsWith('<i>xxx')), 'markup is text');
  assert.equal(await ann.page.evaluate(() => window.broken), undefined);
  assert.equal(await ann.page.locator('#stations img, #stations b, #stations i').count(), 0);
  const widths = await ann.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(widths[0] <= widths[1], 'nothing is wider than the window');
  assert.equal([...(await bob.page.textContent('#own-name'))].length, 64);
  // A ring from such a name shows it as text, too.
  const guest = await home.guest({ name: `${markup} again` });
  const [{ id }] = guest.peers.filter(({ name }) => name === 'Ann');
  guest.say({ suzu: 'ring', v: 1, id: 'r', call: 'c', members: [] }, id);
  await ann.isRung(`${markup} again`.slice(0, 63).trimEnd().concat([...`${markup} again`].length > 64 ? '…' : ''));
  guest.close();
  return `${shown.length} shown`;
}

async function nonsense(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  const guest = await home.guest({ name: 'Eve', meta: { suzu: [] } });
  const annId = guest.peers.find(({ name }) => name === 'Ann').id;
  const values = [null, true, -1, 1e300, '', 'x'.repeat(4_000), [], [[]], {}, { id: {} }, markup, '__proto__', 'constructor'];
  const kinds = ['station', 'ring', 'ringing', 'answer', 'decline', 'cancel', 'members', 'leave', 'media', 'hang-up', 'probe', 'moved', '__proto__', 'toString'];
  for (const value of values) {
    guest.say(value);
    guest.say({ suzu: value, id: value });
    for (const suzu of kinds) {
      guest.say({ suzu, v: value, id: value, call: value, members: value, state: value, auto: value, can: value, mic: value, reason: value, kind: value, media: value, ask: value }, annId);
      guest.say({ suzu, id: 'i', call: 'c', members: value, kind: 'offer', sdp: value, candidate: value }, annId);
    }
    guest.send({ type: 'offer', to: annId, sdp: { type: value, sdp: value } });
    guest.send({ type: 'ice-candidate', to: annId, candidate: { candidate: value } });
  }
  await ann.sees('Bob');
  guest.say({ suzu: 'ring', v: 1, id: 'real', call: 'c', members: 7 }, annId);
  await ann.isRung('Eve');
  await ann.page.click('#decline');
  await ann.until('news of its declining', () => guest.received.some(({ data }) => data?.suzu === 'decline' && data.id === 'real'));
  await ann.isIdle();
  await ann.ring('Bob');
  await bob.answer('Ann');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await bob.framesGrow();
  // Who is not asked is not let in.
  guest.say({ suzu: 'members', call: 'c', members: [guest.id] }, annId);
  guest.send({ type: 'offer', to: annId, sdp: { type: 'offer', sdp: 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n' } });
  guest.say({ suzu: 'station', state: 'burning', auto: 'yes', can: 1 });
  await ann.framesGrow();
  assert.equal(guest.received.filter(({ type }) => type === 'answer').length, 0);
  await ann.hangUp();
  await ann.sees('Eve', /No intercom heard/);
  return `${values.length * kinds.length * 2} messages`;
}

async function sameName(home) {
  const [first, second] = [await home.open('Hall'), await home.open('Hall')];
  const ann = await home.open('Ann');
  await ann.until('two of that name', async () => (await ann.tile('Hall').count()) === 2);
  await first.sees('Hall');
  await first.ring('Hall');
  await second.answer('Hall');
  await Promise.all([first, second].map((tablet) => tablet.isInCall(1)));
  await second.framesGrow();
  await first.hangUp();
  await second.isIdle();
  // A copy of the tab has the same memory, and must not take its seat.
  const copy = await first.page.context().newPage();
  await copy.goto(first.url);
  await ann.until('three of that name', async () => (await ann.tile('Hall').count()) === 3);
  return 'in two browsers and two tabs';
}

/** Without https a browser gives no camera: the page says so, and shows the stations. Played by taking away what is missing there. */
async function insecure(home) {
  const prepare = (page) => page.addInitScript(() => {
    Object.defineProperty(window, 'isSecureContext', { value: false });
    Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
  });
  const [ann, bob] = [await home.open('Ann', { prepare }), await home.open('Bob')];
  await ann.sees('Bob');
  await ann.shows('#insecure');
  assert.equal(await ann.page.getAttribute('#insecure a', 'href'), '/trust');
  assert.equal(await ann.tile('Bob').locator('button').first().isDisabled(), true);
  await bob.sees('Ann', /Cannot answer/);
  assert.equal(await bob.tile('Ann').locator('button').first().isDisabled(), true);
  return 'said on both sides';
}

const named = { names, nonsense, 'same-name': sameName, insecure };
export const scenarios = Object.entries(named).map(([name, run]) => ({ name, run }));
