// Owns: stations on the wall, and more than two.

import assert from 'node:assert/strict';

async function autoAnswer(home) {
  const ann = await home.open('Ann');
  const wall = await home.open('Wall', { query: { auto: 'answer', kiosk: '1' } });
  await ann.sees('Wall', /answers by itself/);
  await ann.page.getByRole('button', { name: /^Ring Wall Free · answers by itself$/ }).waitFor();
  await wall.sees('Ann', /^Free$/);
  await ann.tile('Wall').locator('button').first().click();
  await Promise.all([ann, wall].map((tablet) => tablet.isInCall(1)));
  await Promise.all([ann, wall].map((tablet) => tablet.framesGrow()));
  await ann.hangUp();
  await wall.isIdle();
  return 'nobody touched the wall';
}

async function states(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  await bob.page.selectOption('#own-state', 'away');
  await ann.sees('Bob', /Away/);
  await bob.page.selectOption('#own-state', 'dnd');
  await ann.sees('Bob', /Do not disturb/);
  await ann.tile('Bob').locator('button').first().click();
  await ann.isTold(/does not want to be disturbed/);
  await bob.shows('#missed-count');
  await bob.page.selectOption('#own-state', 'free');
  await bob.page.click('label:has(#own-auto)');
  await ann.sees('Bob', /Free · answers by itself/);
  await bob.page.reload();
  await ann.sees('Bob', /Free · answers by itself/);
  const cat = await home.open('Cat');
  await cat.sees('Bob', /Free · answers by itself/);
  return 'seen by others, remembered, told to newcomers';
}

async function kiosk(home) {
  const wall = await home.open('Wall', { query: { kiosk: '1', dim_sec: '1' }, path: '/' });
  await wall.isConnected();
  await wall.shows('#dim');
  assert.equal(await wall.page.locator('#open-settings').isVisible(), false);
  const ann = await home.open('Ann');
  await ann.ring('Wall');
  await wall.isRung('Ann');
  await wall.hides('#dim');
  await wall.page.click('#decline');
  await wall.shows('#dim');
  await wall.page.mouse.click(200, 300);
  await wall.hides('#dim');
  // What the address said is remembered without it; only, it must not dim under the finger on a slow machine.
  await wall.page.goto(`${home.baseUrl}/?dim_sec=60`);
  await ann.sees('Wall');
  await wall.page.hover('#brand');
  await wall.page.mouse.down();
  await wall.shows('#settings');
  await wall.page.mouse.up();
  return 'dims, wakes, remembers, settings by a long press';
}

/** Three in a room ring each other, then four are in one call; the fifth finds it full. */
async function group(home) {
  // Twelve pictures are encoded and decoded at once, on a machine that may be small.
  const flags = { without: ['--use-fake-device'], and: ['--use-fake-device-for-media-stream=fps=5'] };
  const small = { flags, context: { viewport: { width: 640, height: 480 } } };
  const names = ['Ann', 'Bob', 'Cat', 'Dan'];
  const [ann, bob, cat, dan] = await home.openAll(names, Object.fromEntries(names.map((name) => [name, small])));
  await cat.ring('Ann');
  await ann.answer('Cat');
  await Promise.all([ann, cat].map((tablet) => tablet.isInCall(1)));
  await add(ann, 'Bob');
  await bob.isRung('Ann');
  assert.match(await bob.page.textContent('#ring-text'), /already in the call: Cat/);
  await bob.page.click('#answer');
  await Promise.all([ann, bob, cat].map((tablet) => tablet.isInCall(2)));
  await Promise.all([ann, bob, cat].map((tablet) => tablet.framesGrow(2)));
  await Promise.all([ann, bob, cat].map((tablet) => tablet.hears(2)));
  await add(bob, 'Dan');
  await dan.answer('Bob');
  const all = [ann, bob, cat, dan];
  await Promise.all(all.map((tablet) => tablet.isInCall(3)));
  const frames = await Promise.all(all.map((tablet) => tablet.framesGrow(3)));
  assert.equal(await ann.page.locator('#call-add').isVisible(), false, 'nobody can be added to four');
  const eve = await home.open('Eve', small);
  await eve.sees('Cat', /In a call/);
  await eve.tile('Cat').locator('button').first().click();
  await eve.isTold(/Cat is in another call/);
  await ann.hangUp();
  await Promise.all([bob, cat, dan].map((tablet) => tablet.isInCall(2)));
  await bob.hangUp();
  await cat.hangUp();
  await dan.isIdle();
  await Promise.all(all.map((tablet) => tablet.hasReleasedAll()));
  return `${frames.join(', ')} frames`;
}

async function add(tablet, name) {
  await tablet.page.click('#call-add');
  await tablet.page.locator('#add-list li', { hasText: name }).locator('button').click();
}

const named = { 'auto-answer': autoAnswer, states, kiosk, group };
export const scenarios = Object.entries(named).map(([name, run]) => ({ name, run }));
