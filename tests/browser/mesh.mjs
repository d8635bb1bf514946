// Owns: three pages with the mesh client of the documentation in one room, where every two of them exchange messages over
// a data channel of their own.

import assert from 'node:assert/strict';

export const name = 'docs-mesh';

const ids = ['ann', 'bob', 'cat'];

/** Three pages in the stage's room, every two of them connected; the servers that they are to use may be given by id. */
export async function meshOfThree(stage, servers = {}) {
  const guests = [];
  for (const id of ids) {
    const guest = await stage.openGuest(id, 'mesh', { id, ...(servers[id] && { server: servers[id] }) });
    await guest.logs(`seated as ${id}`);
    guests.push(guest);
  }
  for (const [guest, other] of pairs(guests)) await guest.logs(`channel to ${other.name}`);
  return guests;
}

/** All ordered pairs. */
export const pairs = (guests) =>
  guests.flatMap((guest) => guests.filter((other) => other !== guest).map((other) => [guest, other]));

/** Everybody says `text` over its data channels, and everybody hears it from everybody else. */
export async function talkByChannels(guests, text) {
  for (const guest of guests) await guest.types(text);
  for (const [guest, other] of pairs(guests)) await guest.logs(`${other.name} by channel: ${text}`);
}

export async function run(stage) {
  const guests = await meshOfThree(stage);
  await talkByChannels(guests, 'hello');
  for (const guest of guests) {
    const heard = (await guest.lines()).filter((line) => line.endsWith('by channel: hello')).sort();
    const others = ids.filter((id) => id !== guest.name);
    assert.deepEqual(heard, others.map((id) => `${id} by channel: hello`), `${guest.name} hears each other once`);
  }
  // The server may not have carried what was said.
  const carried = guests.flatMap(({ wire }) => wire.entries).filter(({ text }) => String(text).includes('hello'));
  assert.deepEqual(carried, [], 'nothing that was said went through the server');
  return `${pairs(guests).length} ways`;
}
