// Owns: calls with the client from the first offer to the end, and what may be changed in between.

import assert from 'node:assert/strict';
import { noErrors, startCall, talk } from '../station.mjs';

/** Media both ways; either side hangs up; a peer calls again. */
export const call = {
  name: 'client-call',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await ann.calls('bob');
    assert.equal((await ann.figures('bob')).state, 'signaling');
    await bob.rings('ann');
    assert.equal((await bob.figures('ann')).connection, 'none', 'nothing is connected before it is accepted');
    await bob.accepts('ann');
    const frames = await talk(ann, bob);
    for (const station of [ann, bob]) {
      const states = (await station.events('call-state')).map(({ state }) => state);
      assert.deepEqual(states, ['ice', 'in-call'], `${station.name}'s states`);
      const kinds = (await station.events('call-track')).map(({ kind }) => kind).sort();
      assert.deepEqual(kinds, ['audio', 'video'], `${station.name}'s tracks`);
    }
    await ann.hangsUp('bob', 'tea is ready');
    await ann.isOut('bob', 'tea is ready', false);
    await bob.isOut('ann', 'tea is ready', true);

    await startCall(bob, ann);
    await ann.forgetEvents();
    await bob.forgetEvents();
    await ann.hangsUp('bob');
    await Promise.all([ann.isOut('bob', 'hang-up', false), bob.isOut('ann', 'hang-up', true)]);
    assert.deepEqual(await bob.events('message'), [], 'what the client says to itself is no message');
    noErrors(ann, bob);
    return frames;
  },
};

/** Rejected before it is accepted; cancelled before it is accepted. */
export const reject = {
  name: 'client-reject',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await ann.calls('bob');
    await bob.rings('ann');
    await bob.page.evaluate(() => window.suzu.calls.get('ann').reject('busy'));
    await Promise.all([ann.isOut('bob', 'busy', true), bob.isOut('ann', 'busy', false)]);

    await bob.calls('ann');
    await ann.rings('bob');
    await bob.hangsUp('ann', 'cancelled');
    await Promise.all([bob.isOut('ann', 'cancelled', false), ann.isOut('bob', 'cancelled', true)]);

    // The same two can still call.
    const frames = await startCall(ann, bob);
    noErrors(ann, bob);
    return frames;
  },
};

/** Both call in the same moment: one call, one connection on each side, media both ways. Several times, since it is a race. */
export const glare = {
  name: 'client-glare',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    const rounds = 4;
    let collisions = 0;
    for (let round = 0; round < rounds; round += 1) {
      const since = [ann, bob].map(({ wire }) => wire.mark());
      // The camera is ready, so that nothing but the two offers' ways is between them.
      await Promise.all([ann, bob].map(({ page }) => page.evaluate(async () => (window.camera = await window.station.media()))));
      const callNow = ({ page }, other) =>
        page.evaluate((other) => void window.station.watch(window.suzu.call(other, { stream: window.camera })), other);
      await Promise.all([callNow(ann, 'bob'), callNow(bob, 'ann')]);
      // Whoever's offer came late enough is just called.
      const answer = (station, other) => station.until(`answer to ${other}`, (other) => {
        const call = window.suzu.calls.get(other);
        if (call?.isIncoming && !call.peerConnection) call.accept({ stream: window.camera });
        return call?.state === 'in-call';
      }, other);
      await Promise.all([answer(ann, 'bob'), answer(bob, 'ann')]);
      await talk(ann, bob);
      if ([ann, bob].every(({ wire }, index) => wire.find('sent', 'offer', since[index]))) collisions += 1;
      for (const station of [ann, bob]) {
        const calls = await station.page.evaluate(() => window.suzu.calls.size);
        const transceivers = await station.page.evaluate(() => {
          const [call] = window.suzu.calls.values();
          return call.peerConnection.getTransceivers().length;
        });
        assert.deepEqual([calls, transceivers], [1, 2], `${station.name}'s calls and transceivers`);
      }
      await ann.hangsUp('bob');
      await bob.until('end of the call', () => window.suzu.calls.size === 0);
    }
    const made = await ann.page.evaluate(() => window.station.calls.length);
    assert.equal(made, rounds, "ann's calls");
    assert.ok(collisions > 0, 'offers have met at least once');
    noErrors(ann, bob);
    return `${collisions} of ${rounds} offers met`;
  },
};

/** Other tracks, none, and again some, within one call. */
export const swap = {
  name: 'client-swap',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await startCall(ann, bob);
    const since = ann.wire.mark();
    await ann.page.evaluate(async () => {
      await window.suzu.calls.get('bob').setStream(await window.station.media({ audio: true, video: { width: 160, height: 120 } }));
    });
    await bob.until('smaller picture', async () => (await window.station.figures('ann')).width === 160);
    assert.equal(ann.wire.find('sent', 'offer', since), undefined, 'the same kinds of tracks need no negotiation');

    const receives = (kinds) => bob.until(`tracks ${kinds}`, (kinds) => {
      const tracks = window.suzu.calls.get('ann').remoteStream.getTracks();
      return tracks.map(({ kind }) => kind).sort().join() === kinds;
    }, kinds);
    await receives('audio,video');
    await ann.page.evaluate(() => window.suzu.calls.get('bob').setStream(null));
    await receives('');
    await ann.hears('bob');

    await ann.page.evaluate(async () => window.suzu.calls.get('bob').setStream(await window.station.media({ audio: true })));
    await receives('audio');
    const { packets } = await bob.figures('ann');
    await bob.until('sound again', async (before) => (await window.station.figures('ann')).packets > before + 10, packets);
    const sections = await bob.page.evaluate(() => window.suzu.calls.get('ann').peerConnection.getTransceivers().length);
    assert.equal(sections, 2, 'no section is added for it');
    noErrors(ann, bob);
    return 'camera, none, sound';
  },
};

/** No camera and no microphone on one side: receives only, whoever calls. */
export const receiveOnly = {
  name: 'client-receive-only',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await ann.page.evaluate(() => void window.station.watch(window.suzu.call('bob')));
    await bob.accepts('ann');
    const first = await ann.hears('bob');
    await ann.hangsUp('bob');
    await bob.until('end of the call', () => window.suzu.calls.size === 0);

    await bob.calls('ann');
    await ann.rings('bob');
    await ann.page.evaluate(() => window.suzu.calls.get('bob').accept());
    const second = await ann.hears('bob');
    assert.deepEqual((await bob.figures('ann')).frames, 0);
    noErrors(ann, bob);
    return `frames ${first} and ${second}`;
  },
};

/** Both restart ICE in the same moment: new credentials on both sides, and media goes on. */
export const restartIce = {
  name: 'client-restart-ice',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await startCall(ann, bob);
    const before = await Promise.all([ann.figures('bob'), bob.figures('ann')]);
    await Promise.all([ann, bob].map(({ page }) => page.evaluate(() => [...window.suzu.calls.values()][0].restartIce())));
    const isNew = (station, other, old) => station.until('new ICE credentials', async ([other, old]) => {
      const { state, ufrag } = await window.station.figures(other);
      const { signalingState } = window.suzu.calls.get(other).peerConnection;
      return state === 'in-call' && signalingState === 'stable' && ufrag !== old;
    }, [other, old.ufrag]);
    await Promise.all([isNew(ann, 'bob', before[0]), isNew(bob, 'ann', before[1])]);
    const frames = await talk(ann, bob);
    noErrors(ann, bob);
    return frames;
  },
};

/** An interruption that lasts makes the client look for a new way by itself. */
export const interrupted = {
  name: 'client-interrupted',
  async run(stage) {
    const [ann, bob] = await stage.openStations('ann', 'bob');
    await startCall(ann, bob);
    const since = ann.wire.mark();
    const pretend = (state) => ann.page.evaluate((state) => {
      const { peerConnection } = window.suzu.calls.get('bob');
      if (state) Object.defineProperty(peerConnection, 'connectionState', { value: state, configurable: true });
      else delete peerConnection.connectionState;
      peerConnection.dispatchEvent(new Event('connectionstatechange'));
    }, state);
    const start = performance.now();
    await pretend('disconnected');
    assert.equal((await ann.figures('bob')).state, 'ice');
    await ann.wire.until('ICE restart', () => ann.wire.find('sent', 'offer', since), 8_000);
    const restartMs = Math.round(performance.now() - start);
    assert.ok(restartMs >= 3_000, `restarted after ${restartMs} ms`);
    await pretend(undefined);
    const frames = await talk(ann, bob);
    noErrors(ann, bob);
    return `restarted after ${restartMs} ms, ${frames}`;
  },
};
