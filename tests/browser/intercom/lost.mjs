// Owns: peers, connections and servers that go away.

import assert from 'node:assert/strict';

/** Whoever vanishes keeps its seat for 10 s, and then the ring ends, on whichever side. */
async function vanish(home) {
  const [proxyA, proxyD] = [await home.proxy(), await home.proxy()];
  const [ann, bob, cat, dan] = await home.openAll(['Ann', 'Bob', 'Cat', 'Dan'], { Ann: { baseUrl: proxyA.url }, Dan: { baseUrl: proxyD.url } });
  await ann.ring('Bob');
  await cat.ring('Dan');
  await bob.isRung('Ann');
  await dan.isRung('Cat');
  await Promise.all([proxyA.cut(), proxyD.cut()]);
  await bob.isIdle();
  await bob.shows('#missed-count');
  await bob.doesNotSee('Ann');
  await cat.isIdle();
  await cat.isTold(/Dan is not reachable/);
  await cat.hasReleasedAll();
  proxyA.restore();
  await ann.isConnected();
  await bob.sees('Ann');
  return 'the caller, and the called';
}

/** A page that is closed says so, if its browser gives it the time. */
async function closed(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  await ann.ring('Bob');
  await bob.isRung('Ann');
  await ann.page.goto('about:blank');
  await bob.isIdle();
  await bob.shows('#missed-count');
  return 'at once';
}

async function cut(home) {
  const proxy = await home.proxy();
  const [ann, bob] = await home.openCall('Ann', 'Bob', { Bob: { baseUrl: proxy.url } });
  const cat = await home.open('Cat');
  await cat.sees('Bob', /In a call/);
  const since = [ann, bob].map(({ wire }) => wire.mark());
  await proxy.cut();
  await bob.wire.until('end of its socket', () => bob.wire.entries.some(({ direction }) => direction === 'closed'), 5_000);
  await bob.framesGrow();
  proxy.restore();
  const { message } = await bob.wire.receives('connected', since[1], 20_000);
  assert.equal(message.resumed, true, 'the same seat');
  await Promise.all([ann, bob].map((tablet) => tablet.framesGrow()));
  const news = ann.wire.filter('received', ['peer-connected', 'peer-disconnected'], since[0]).filter(({ message }) => message.peer.name !== 'Cat');
  assert.deepEqual(news, [], 'Ann noticed nothing');
  await cat.sees('Bob', /In a call/);
  await bob.hangUp();
  await ann.isIdle();
  return 'resumed';
}

async function restart(home) {
  const { server, baseUrl } = await home.ownServer();
  const [ann, bob] = await home.openCall('Ann', 'Bob', { Ann: { baseUrl }, Bob: { baseUrl } });
  const cat = await home.open('Cat', { baseUrl });
  await cat.sees('Bob', /In a call/);
  await server.stop();
  await cat.until('word of it', async () => /Reconnecting/.test(await cat.page.textContent('#link-text')));
  await Promise.all([ann, bob].map((tablet) => tablet.framesGrow()));
  await server.start();
  const start = performance.now();
  await cat.isConnected();
  await Promise.all(['Ann', 'Bob'].map((name) => cat.sees(name, /In a call/)));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  await Promise.all([ann, bob].map((tablet) => tablet.framesGrow()));
  await Promise.all([ann, bob].map((tablet) => tablet.hears()));
  await ann.hangUp();
  await bob.isIdle();
  await bob.sees('Ann');
  await bob.ring('Cat');
  await cat.answer('Bob');
  await Promise.all([bob, cat].map((tablet) => tablet.isInCall(1)));
  return `all back ${seconds} s after the server`;
}

const named = { vanish, closed, cut };
export const scenarios = [...Object.entries(named).map(([name, run]) => ({ name, run })), { name: 'restart', run: restart, needsServer: true }];
