// Owns: what the client makes of a lost connection to the server, while its calls go on without it.

import assert from 'node:assert/strict';
import { noErrors, seatOf, startCall, talk } from '../station.mjs';

/** How soon the client finds out about a dead socket, and the server ends a seat without one. */
const noticeMsMost = 10_000;
const graceMs = 10_000;

/** The TCP connection is cut: the same seat again, with what was said meanwhile in both directions, and nobody noticed. */
export const cut = {
  name: 'client-cut',
  async run(stage) {
    const proxy = await stage.proxy(stage.serverUrl);
    const [ann, bob] = await Promise.all([stage.openStation('ann'), stage.openStation('bob')]);
    await ann.join(stage.seat('ann'));
    await bob.join(stage.seat('bob', proxy.url));
    await startCall(ann, bob);
    const since = ann.wire.mark();

    await proxy.cut();
    await bob.until('loss of its connection', () => window.suzu.state === 'connecting');
    for (let n = 1; n <= 3; n += 1) {
      assert.equal(await bob.says(n), true);
      await ann.says(n, 'bob');
    }
    await talk(ann, bob);
    proxy.restore();
    await bob.isConnected();
    for (const [station, other] of [[ann, bob], [bob, ann]]) {
      await station.hasEvent({ name: 'message', from: other.name, data: 3 });
      assert.deepEqual((await station.events('message')).map(({ data }) => data), [1, 2, 3], `what ${station.name} heard`);
    }
    const news = ann.wire.filter('received', ['peer-connected', 'peer-disconnected', 'error'], since);
    assert.deepEqual(news.map(({ text }) => text), [], 'ann noticed nothing');
    assert.deepEqual((await bob.events('peer-disconnected')), []);
    const frames = await talk(ann, bob);
    const kept = await bob.page.evaluate(() => [window.suzu.id, window.suzu.lastClose !== null, window.station.calls.length]);
    assert.deepEqual(kept, ['bob', true, 1]);

    await bob.hangsUp('ann');
    await ann.isOut('bob', 'hang-up', true);
    noErrors(ann, bob);
    return frames;
  },
};

/** The network vanishes without a word: the client finds out by itself, and calls in both directions are made nevertheless. */
export const frozen = {
  name: 'client-frozen',
  async run(stage) {
    const proxy = await stage.proxy(stage.serverUrl);
    const [ann, bob, cat] = await Promise.all(['ann', 'bob', 'cat'].map((name) => stage.openStation(name)));
    for (const station of [ann, cat]) await station.join(stage.seat(station.name));
    await bob.join(stage.seat('bob', proxy.url));
    await Promise.all([bob.sees('ann', 'cat'), cat.sees('ann', 'bob')]);
    const start = performance.now();
    proxy.freeze();
    // Both offers go into the dead socket: bob's at his end of it, cat's at the server's, and must not be lost with it.
    await Promise.all([bob.calls('ann'), cat.calls('bob')]);
    const close = await bob.until('loss of its connection', () => window.suzu.lastClose, undefined, 2 * noticeMsMost);
    const noticedMs = Math.round(performance.now() - start);
    assert.equal(close.reason, 'no answer from the server');
    await bob.hasEvent({ name: 'state', state: 'connecting', close });
    await bob.isConnected();
    await Promise.all([ann.accepts('bob'), bob.accepts('cat')]);
    await Promise.all([talk(ann, bob), talk(bob, cat)]);
    noErrors(ann, bob, cat);
    return `noticed in ${noticedMs} ms`;
  },
};

/** The server dies in the middle of a call and comes back: so do both, and they did not miss a frame. */
export const restart = {
  name: 'client-server-restart',
  async run(stage) {
    const server = await stage.server();
    const [ann, bob, cat] = await Promise.all(['ann', 'bob', 'cat'].map((name) => stage.openStation(name)));
    for (const station of [ann, bob, cat]) await station.join(stage.seat(station.name, server.url));
    await startCall(ann, bob);

    await server.stop();
    for (const station of [ann, bob, cat]) await station.until('loss of the server', () => window.suzu.state === 'connecting');
    await talk(ann, bob);
    // Made while there is no server: an offer of ann, and cat goes for good.
    await cat.page.evaluate(() => window.suzu.disconnect());
    const before = await ann.figures('bob');
    await ann.page.evaluate(() => window.suzu.calls.get('bob').restartIce());
    await server.start();
    await Promise.all([ann.isConnected(), bob.isConnected()]);
    await Promise.all([ann.sees('bob'), bob.sees('ann')]);
    await ann.until('offer of before', async (old) => (await window.station.figures('bob')).ufrag !== old, before.ufrag);
    const frames = await talk(ann, bob);
    const made = await Promise.all([ann, bob].map(({ page }) => page.evaluate(() => window.station.calls.length)));
    assert.deepEqual(made, [1, 1], 'it is the same call');

    await ann.hangsUp('bob');
    await bob.isOut('ann', 'hang-up', true);
    await startCall(bob, ann);
    noErrors(ann, bob, cat);
    return frames;
  },
};

/** A call that was made to and taken back from somebody who was away rings once and is over. */
export const late = {
  name: 'client-late-offer',
  async run(stage) {
    const proxy = await stage.proxy(stage.serverUrl);
    const [ann, bob] = await Promise.all([stage.openStation('ann'), stage.openStation('bob')]);
    await ann.join(stage.seat('ann'));
    await bob.join(stage.seat('bob', proxy.url));
    await ann.sees('bob');
    await proxy.cut();
    await bob.until('loss of its connection', () => window.suzu.state === 'connecting');
    await ann.calls('bob');
    await ann.wire.until('offer', () => ann.wire.find('sent', 'offer'), 5_000);
    await ann.hangsUp('bob', 'no answer');
    proxy.restore();
    await bob.hasEvent({ name: 'call', peerId: 'ann' });
    assert.equal(await bob.page.evaluate(() => window.suzu.calls.size), 0, 'nothing rings');

    // And one that goes on reaches who was away.
    await proxy.cut();
    await bob.until('loss of its connection', () => window.suzu.state === 'connecting');
    await ann.calls('bob');
    proxy.restore();
    await bob.accepts('ann');
    const frames = await talk(ann, bob);
    noErrors(ann, bob);
    return frames;
  },
};

/** A reload in a call: the call is over at once, the seat is the same. */
export const reload = {
  name: 'client-reload',
  async run(stage) {
    const [ann, bob] = await Promise.all([stage.openStation('ann'), stage.openStation('bob')]);
    await ann.join(stage.seat('ann'));
    const nameless = { ...stage.seat(undefined), name: 'Bob' };
    await bob.join(nameless);
    bob.name = await bob.page.evaluate(() => window.suzu.id);
    await startCall(ann, bob);
    const since = ann.wire.mark();
    await bob.page.reload();
    await bob.isLoaded();
    await bob.join(nameless);
    await ann.isOut(bob.name, 'page closed', true);
    assert.equal(await bob.page.evaluate(() => window.suzu.id), bob.name, "bob's id");
    assert.equal(ann.wire.find('received', 'peer-disconnected', since), undefined, 'his seat has not ended');
    const frames = await startCall(ann, bob);
    noErrors(ann, bob);
    return frames;
  },
};

/** The page is put aside and shown again: its calls end, its seat does not, and it is back at once. */
export const sleep = {
  name: 'client-sleep',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await startCall(ann, bob);
    const since = ann.wire.mark();
    // In one go, so that nothing but `pageshow` can be what connects.
    const delay = await bob.page.evaluate(() => {
      window.station.skip(60_000);
      window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
      window.station.skip(60_000);
      window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
      return window.station.delays.at(-1);
    });
    assert.equal(delay, 0, 'it connects at once');
    await bob.hasEvent({ name: 'state', state: 'connecting', close: await bob.page.evaluate(() => window.suzu.lastClose) });
    await bob.isConnected();
    await Promise.all([bob.isOut('ann', 'page closed', false), ann.isOut('bob', 'page closed', true)]);
    assert.equal(ann.wire.find('received', 'peer-disconnected', since), undefined, 'his seat has not ended');
    const frames = await startCall(ann, bob);
    noErrors(ann, bob);
    return frames;
  },
};

/** A peer's browser dies in a call: the other side gives it time, and gives up when its seat has ended. */
export const vanish = {
  name: 'client-vanish',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await startCall(ann, bob);
    bob.page.goto('chrome://crash').catch(() => {}); // it never answers
    await ann.until('interrupted call', () => window.suzu.calls.get('bob')?.state === 'ice');
    await ann.hasEvent({ name: 'peer-disconnected', reason: 'lost' }, graceMs + 5_000);
    assert.equal(await ann.page.evaluate(() => window.suzu.calls.get('bob')?.state), 'ice', 'the call is given time');
    await ann.page.evaluate(() => window.station.skip(16_000));
    await ann.isOut('bob', 'lost', true);
    noErrors(ann);
    return 'given up';
  },
};

/** While a peer is away somebody else takes its id: it comes back under a new one, and the call is still with it, whoever is back first. */
const newId = (name, isFirst) => ({
  name,
  async run(stage) {
    const server = await stage.server();
    const [annsProxy, bobsProxy] = [await stage.proxy(server.url), await stage.proxy(server.url)];
    const [ann, bob] = await Promise.all([stage.openStation('ann'), stage.openStation('bob')]);
    await ann.join(stage.seat('ann', annsProxy.url));
    await bob.join(stage.seat(undefined, bobsProxy.url));
    const id = await bob.page.evaluate(() => window.suzu.id);
    bob.name = id;
    await startCall(ann, bob);

    await Promise.all([annsProxy.cut(), bobsProxy.cut()]);
    const isOut = () => window.suzu.state !== 'connected';
    await Promise.all([ann, bob].map((station) => station.until('loss', isOut)));
    await server.stop();
    await server.start();
    const squatter = await seatOf(stage, id, server.url);
    const back = [[bob, bobsProxy], [ann, annsProxy]];
    for (const [station, proxy] of isFirst ? back : back.reverse()) {
      proxy.restore();
      await station.isConnected();
    }
    bob.name = await bob.page.evaluate(() => window.suzu.id);
    assert.notEqual(bob.name, id);
    const isWith = (wanted) => [...window.suzu.calls].every(([id, call]) => id === wanted && call.peerId === wanted);
    await ann.until('call under the new id', isWith, bob.name);
    const frames = await talk(ann, bob);
    await ann.hangsUp(bob.name, 'moved');
    await bob.isOut('ann', 'moved', true);
    squatter.close();
    noErrors(ann, bob);
    return frames;
  },
});

export const newIdFirst = newId('client-new-id-first', true);
export const newIdLast = newId('client-new-id-last', false);
