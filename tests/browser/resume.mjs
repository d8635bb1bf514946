// Owns: a mesh page whose TCP connection is cut in the middle of an exchange gets its seat back. Not a message is lost,
// sent twice or out of order, in either direction, and the others never hear that anything happened.

import assert from 'node:assert/strict';
import { meshOfThree, pairs, talkByChannels } from './mesh.mjs';

export const name = 'mesh-resume';

/** How many numbered messages everybody sends in each of the three phases: around the cut, while cut off, afterwards. */
const perPhase = 20;

export async function run(stage) {
  const proxy = await stage.proxy(stage.serverUrl);
  const guests = await meshOfThree(stage, { bob: proxy.url.replace(/\/$/, '') });
  const [ann, bob, cat] = guests;
  const calls = await bob.page.evaluate(() => [...peers.values()].map(({ call }) => call.connectionState));
  assert.deepEqual(calls, ['connected', 'connected'], "bob's calls");
  const since = guests.map(({ wire }) => wire.mark());

  // In the middle of an exchange: the first half of this phase before the cut, the second one behind it.
  const begin = Promise.all(guests.map((guest) => say(guest, 1, perPhase / 2)));
  const cut = begin.then(() => proxy.cut());
  await Promise.all([...guests.map((guest) => begin.then(() => say(guest, perPhase / 2 + 1, perPhase))), cut]);
  await bob.wire.until('end of its socket', () => bob.wire.entries.some((entry) => entry.direction === 'closed'), 5_000);

  // Away: bob keeps what he says, the server keeps what is for him.
  await Promise.all(guests.map((guest) => say(guest, perPhase + 1, 2 * perPhase)));
  await Promise.all([ann, cat].map(isConfirmed));
  const missing = await unheard(bob, ann, 2 * perPhase);
  assert.ok(missing >= perPhase, `bob cannot have heard what was said when he was away, and misses ${missing}`);

  proxy.restore();
  await bob.logs('back as bob');
  await Promise.all(guests.map((guest) => say(guest, 2 * perPhase + 1, 3 * perPhase)));
  for (const [guest, other] of pairs(guests)) {
    await guest.logs(`${other.name} by server: ${3 * perPhase}`);
    assert.deepEqual(await heard(guest, other), upTo(3 * perPhase), `what ${guest.name} heard from ${other.name}`);
  }
  for (const other of [ann, cat]) assert.deepEqual(sentTo(bob, other), upTo(3 * perPhase), `what bob was sent from ${other.name}`);
  guests.forEach((guest, index) => noticedNothing(guest, since[index]));
  await Promise.all(guests.map(isConfirmed));
  await talkByChannels(guests, 'still here');
  return `${3 * perPhase} messages on each of 6 ways, ${missing} of them from the queue`;
}

const upTo = (count) => Array.from({ length: count }, (_, index) => String(index + 1));

const say = (guest, first, last) =>
  guest.page.evaluate(([first, last]) => { for (let n = first; n <= last; n += 1) sayByServer(n); }, [first, last]);

/** Waits until the server has all that this guest has said. */
const isConfirmed = (guest) =>
  guest.until('confirmation by the server', () => guest.page.evaluate(() => unconfirmed.length === 0));

async function heard(guest, from) {
  const start = `${from.name} by server: `;
  return (await guest.lines()).filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}

/** The same as the frames have it: the page passes over what it is sent twice, but only bob may send anything twice. */
const sentTo = ({ wire }, { name }) =>
  wire.filter('received', ['message']).filter(({ message }) => message.from === name).map(({ message }) => String(message.data));

const unheard = async (guest, from, count) => count - (await heard(guest, from)).length;

/** No news of anybody; only the one who was away has an answer to its `connect`, and that says so. */
function noticedNothing({ name, wire }, since) {
  const news = wire.filter('received', ['peer-connected', 'peer-disconnected', 'error'], since);
  assert.deepEqual(news.map(({ text }) => text), [], `${name} noticed nothing`);
  const seats = wire.filter('received', ['connected'], since).map(({ message }) => message.resumed);
  assert.deepEqual(seats, name === 'bob' ? [true] : [], `${name}'s seat`);
}
