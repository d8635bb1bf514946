// Owns: nonsense, refusals and copies of a tab do the client no harm, and it leaves nothing behind when it leaves.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { noErrors, seatOf, startCall, talk } from '../station.mjs';
import { until } from '../until.mjs';

/** A peer that says whatever comes to its mind, in and out of a call. */
export const nonsense = {
  name: 'client-nonsense',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await startCall(ann, bob);
    const fool = await seatOf(stage, 'fool');
    const sdp = (type, text) => ({ type, sdp: text });
    const said = [
      { type: 'offer', sdp: {} },
      { type: 'offer', sdp: { type: 'offer', sdp: 7 } },
      { type: 'offer', sdp: { type: 'rollback', sdp: '' } },
      { type: 'answer', sdp: sdp('answer', 'v=0') },
      { type: 'answer', sdp: sdp('offer', 'v=0'), re: {}, call: [] },
      { type: 'ice-candidate', candidate: {} },
      { type: 'ice-candidate', candidate: { candidate: 'x'.repeat(20_000), sdpMid: 3 } },
      { type: 'message', data: { suzu: 'hang-up' } },
      { type: 'message', data: { suzu: 'hang-up', reason: { a: 1 }, call: 7, re: null } },
      { type: 'message', data: { suzu: 'moved', call: 'x', re: 'y' } },
      { type: 'message', data: { suzu: { toString: 1 } } },
      { type: 'message', data: null },
      { type: 'message', data: { __proto__: null, constructor: 1, text: '<img src=x onerror=alert(1)>' } },
      { type: 'message', data: 'z'.repeat(30_000) },
    ];
    for (const message of said) fool.send(JSON.stringify({ ...message, to: 'bob' }));
    // An offer that can be accepted, but not understood.
    fool.send(JSON.stringify({ type: 'offer', to: 'bob', sdp: sdp('offer', 'v=0\r\nnonsense'), n: 'x', call: 'y'.repeat(20_000) }));
    await bob.rings('fool');
    fool.send(JSON.stringify({ type: 'ice-candidate', to: 'bob', candidate: { candidate: 'early nonsense' } }));
    fool.send(JSON.stringify({ type: 'answer', to: 'bob', sdp: sdp('answer', 'nonsense') }));
    await bob.accepts('fool');
    await bob.isOut('fool', 'bad offer', false);
    fool.send(JSON.stringify({ type: 'message', to: 'bob', data: 'last' }));
    await bob.hasEvent({ name: 'message', from: 'fool', data: 'last' });
    const frames = await talk(ann, bob);
    noErrors(ann, bob);
    fool.close();
    return `${said.length} kinds, ${frames}`;
  },
};

/** A room that is full: the page is told, and tries again, but slowly. */
export const full = {
  name: 'client-room-full',
  async run(stage) {
    const others = await Promise.all(Array.from({ length: 8 }, (_, index) => seatOf(stage, `other-${index}`)));
    const ann = await stage.openStation('ann');
    await ann.page.evaluate((options) => window.station.join(options), stage.seat('ann'));
    await ann.hasEvent({ name: 'error', code: 'room-full' });
    assert.equal(await ann.page.evaluate(() => window.suzu.state), 'connecting');
    const { code, reason } = await ann.page.evaluate(() => window.suzu.lastClose);
    assert.deepEqual([code, reason], [1008, 'room-full']);
    const delays = await ann.page.evaluate(() => window.station.delays);
    assert.ok(delays.at(-1) >= 15_000 && delays.at(-1) <= 30_000, `waits ${delays.at(-1)} ms`);
    // A reason to hope does not wait for that.
    others[0].send('{"type":"disconnect"}');
    await once(others[0], 'close');
    await ann.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await ann.isConnected();
    noErrors(ann);
    for (const other of others) other.close();
    return `waits ${Math.round(delays.at(-1))} ms`;
  },
};

/** A duplicated tab has the seat's secret too: the copy gets a seat of its own, and the first keeps its own. */
export const copy = {
  name: 'client-copied-tab',
  async run(stage) {
    const nameless = stage.seat(undefined);
    const [first, second] = await Promise.all([stage.openStation('first'), stage.openStation('second')]);
    await first.join(nameless);
    const id = await first.page.evaluate(() => window.suzu.id);
    const stored = await first.page.evaluate(() => ({ ...sessionStorage }));
    await second.page.evaluate((stored) => Object.assign(sessionStorage, stored), stored);
    // The first has been there for some time.
    await first.page.evaluate(() => window.station.skip(60_000));
    await second.page.evaluate((options) => window.station.join(options), nameless);
    const isSettled = async () => {
      const [one, two] = await Promise.all([first, second].map(({ page }) => page.evaluate(() => ({
        id: window.suzu.id, state: window.suzu.state, peers: [...window.suzu.peers.keys()],
      }))));
      return one.id === id && two.id !== undefined && two.id !== id && one.peers.join() === two.id && two.peers.join() === id;
    };
    await until('two seats', isSettled, 10_000);
    const sockets = [first, second].map(({ wire }) => wire.filter('sent', ['connect']).length);
    assert.ok(sockets.every((count) => count <= 3), `sockets ${sockets}`);
    noErrors(first, second);
    return `sockets ${sockets.join('/')}`;
  },
};

/** The same with an id that was asked for: the copy cannot have it, is told so, and leaves the first alone. */
export const copyOfId = {
  name: 'client-copied-id',
  async run(stage) {
    const [first, second] = await Promise.all([stage.openStation('first'), stage.openStation('second')]);
    await first.join(stage.seat('ann'));
    const stored = await first.page.evaluate(() => ({ ...sessionStorage }));
    await second.page.evaluate((stored) => Object.assign(sessionStorage, stored), stored);
    await first.page.evaluate(() => window.station.skip(60_000));
    await second.page.evaluate((options) => window.station.join(options), stage.seat('ann'));
    await second.hasEvent({ name: 'error', code: 'id-taken' });
    await first.isConnected();
    const since = first.wire.mark();
    await until('another refusal', async () => (await second.events('error')).length >= 3, 10_000);
    assert.equal(first.wire.entries.slice(since).find(({ direction }) => direction === 'closed'), undefined);
    await first.page.evaluate(() => window.suzu.disconnect());
    await second.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await second.isConnected();
    assert.equal(await second.page.evaluate(() => window.suzu.id), 'ann');
    noErrors(first, second);
    return 'taken when it was free';
  },
};

/** After `disconnect` nothing is left: no timer, no listener that connects again, no connection, no seat. */
export const teardown = {
  name: 'client-teardown',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await startCall(ann, bob);
    const sockets = bob.wire.filter('sent', ['connect']).length;
    await bob.page.evaluate(() => window.suzu.disconnect());
    await ann.isOut('bob', 'left', true);
    await ann.sees();
    await bob.isOut('ann', 'left', false);
    const left = await bob.page.evaluate(() => ({
      state: window.suzu.state, timers: window.station.timers.size, peers: window.suzu.peers.size, calls: window.suzu.calls.size,
      stored: sessionStorage.length, sent: window.suzu.send('too late'),
    }));
    assert.deepEqual(left, { state: 'disconnected', timers: 0, peers: 0, calls: 0, stored: 0, sent: false });
    await bob.page.evaluate(() => {
      for (const name of ['pageshow', 'online', 'pagehide']) window.dispatchEvent(new Event(name));
      document.dispatchEvent(new Event('visibilitychange'));
    });
    assert.equal(await bob.page.evaluate(() => window.station.timers.size), 0, 'nobody listens');
    assert.equal(bob.wire.filter('sent', ['connect']).length, sockets, 'nothing connects');

    // It can begin again.
    await bob.page.evaluate(() => window.suzu.connect());
    await bob.isConnected();
    await ann.sees('bob');
    const frames = await startCall(bob, ann);
    noErrors(ann, bob);
    return frames;
  },
};
