// Owns: what the address says, what is remembered, and what cannot be believed of either.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Settings, shareLink, tidy } from '../../src/web/settings.js';

const storage = (items = {}) => ({ getItem: (key) => items[key] ?? null, setItem: (key, value) => (items[key] = value), items });
const at = (address) => new URL(address, 'https://box.local:3000');

test('the address wins, and is remembered', () => {
  const store = storage();
  const first = new Settings(at('/?room=home&name=Kitchen&auto=answer&kiosk=1&ring_sec=5#key=s%20e'), store);
  assert.deepEqual([first.room, first.name, first.auto, first.kiosk, first.ringSec, first.key], ['home', 'Kitchen', true, true, 5, 's e']);
  const second = new Settings(at('/'), store);
  assert.deepEqual([second.name, second.auto, second.kiosk, second.key], ['Kitchen', true, true, 's e']);
  const third = new Settings(at('/?auto=off&kiosk=0&name=Hall'), store);
  assert.deepEqual([third.name, third.auto, third.kiosk], ['Hall', false, false]);
});

test('nothing is remembered without storage, or from a broken one', () => {
  assert.equal(new Settings(at('/'), null).room, 'home');
  const full = { getItem: () => null, setItem: () => { throw new Error('full'); } };
  assert.equal(new Settings(at('/?name=A'), full).name, 'A');
  for (const text of ['', 'null', '7', '[]', '{"name":7,"missed":"x","closes":{},"auto":"yes","ringSec":"1"}', '{"missed":[null,7,{"at":"x"}]}']) {
    const settings = new Settings(at('/'), storage({ 'suzu.intercom': text }));
    assert.deepEqual([settings.name, settings.auto, settings.ringSec, settings.missed, settings.closes], ['', false, 30, [], []], text);
  }
});

test('numbers that are none are not taken', () => {
  for (const value of ['0', '-1', '1e9', '99999', 'x', '']) assert.equal(new Settings(at(`/?ring_sec=${value}`), null).ringSec, 30, value);
});

test('lists are bounded', () => {
  const settings = new Settings(at('/'), storage());
  for (let count = 0; count < 60; count += 1) {
    settings.addMissed({ name: 'a', at: count });
    settings.addClose({ code: 1006, reason: '', at: count });
  }
  assert.deepEqual([settings.missed.length, settings.missed[0].at, settings.closes.length], [50, 59, 10]);
});

test('names are fit to be shown', () => {
  assert.equal(tidy('  a\u0000 \n\u202Eb\u2067  '), 'a b');
  assert.equal([...tidy('x'.repeat(10_000))].length, 64);
  assert.equal([...tidy('🔔'.repeat(100))].length, 64);
  assert.equal(tidy('<b>'), '<b>');
  for (const value of [undefined, null, 7, {}, []]) assert.equal(tidy(value), '');
});

test('the link has the room and the key, never the name', () => {
  assert.equal(shareLink({ room: 'a b&c', key: '', name: 'Kitchen' }, 'https://box'), 'https://box/?room=a%20b%26c');
  assert.equal(shareLink({ room: 'home', key: 'k#1', name: 'Kitchen' }, 'https://box'), 'https://box/?room=home#key=k%231');
});
