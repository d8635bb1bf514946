// Owns: three pages with the client see who is there, and what is said to one or to all arrives there and nowhere else.

import assert from 'node:assert/strict';
import { noErrors } from '../station.mjs';

export const name = 'client-presence';

export async function run(stage) {
  const [ann, bob, cat] = await stage.openStations('ann', 'bob', 'cat');
  const shown = await ann.page.evaluate(() => [...window.suzu.peers.values()]);
  assert.deepEqual(shown, [{ id: 'bob', name: 'The bob' }, { id: 'cat', name: 'The cat' }]);

  await ann.says({ text: 'お早う <b>' }, 'bob');
  await ann.says(['for all']);
  await bob.hasEvent({ name: 'message', from: 'ann', data: ['for all'] });
  await cat.hasEvent({ name: 'message', from: 'ann', data: ['for all'] });
  const heard = async (station) => (await station.events('message')).map(({ data }) => data);
  assert.deepEqual(await heard(bob), [{ text: 'お早う <b>' }, ['for all']]);
  assert.deepEqual(await heard(cat), [['for all']]);
  assert.deepEqual(await heard(ann), []);

  await ann.says('hello?', 'nobody');
  await ann.hasEvent({ name: 'error', code: 'unknown-peer', to: 'nobody' });
  const ms = await ann.page.evaluate(() => window.suzu.ping());
  assert.ok(ms > 0 && ms < 5_000, `a ping of ${ms} ms`);

  await cat.page.evaluate(() => window.suzu.disconnect());
  await Promise.all([ann.sees('bob'), bob.sees('ann')]);
  await bob.hasEvent({ name: 'peer-disconnected', reason: 'left' });
  noErrors(ann, bob, cat);
  return `ping ${ms.toFixed(1)} ms`;
}
