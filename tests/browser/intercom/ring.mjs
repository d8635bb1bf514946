// Owns: ringing and its ends.

import assert from 'node:assert/strict';

async function answer(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  await ann.ring('Bob');
  await ann.until('word that it rings there', async () => /rings there/.test(await ann.page.textContent('#ring-text')));
  await bob.answer('Ann');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  const frames = await Promise.all([ann, bob].map((tablet) => tablet.framesGrow()));
  const levels = await Promise.all([ann, bob].map((tablet) => tablet.hears()));
  assert.equal(await ann.page.textContent('.tile .name'), 'Bob');
  return `${frames.join(' and ')} frames, sound ${levels.map((level) => level.toFixed(3)).join(' and ')}`;
}

async function voice(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  await ann.ring('Bob', { voice: true });
  await bob.isRung('Ann');
  assert.match(await bob.page.textContent('#ring-text'), /voice only/);
  await bob.page.click('#answer');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await Promise.all([ann, bob].map((tablet) => tablet.hears()));
  const kinds = await ann.page.evaluate(() => window.streams.flatMap((stream) => stream.getTracks().map(({ kind }) => kind)));
  assert.deepEqual(kinds, ['audio'], 'the camera was not asked for');
  await ann.page.click('#camera');
  await bob.framesGrow();
  return 'then a camera';
}

async function decline(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  await ann.ring('Bob');
  await bob.isRung('Ann');
  await bob.page.click('#decline');
  await ann.isTold(/Bob declined/);
  await Promise.all([ann, bob].map((tablet) => tablet.isIdle()));
  await ann.hasReleasedAll();
  assert.equal(await bob.page.locator('#missed-count').isVisible(), false, 'not missed');
  return 'no call';
}

async function busy(home) {
  const [ann, bob] = await home.openCall('Ann', 'Bob');
  const cat = await home.open('Cat');
  await cat.sees('Bob', /In a call/);
  await cat.tile('Bob').locator('button').first().click();
  await cat.isTold(/Bob is in another call/);
  await cat.isIdle();
  await Promise.all([ann, bob].map((tablet) => tablet.framesGrow()));
  await bob.hangUp();
  await cat.sees('Bob', /Free/);
  await bob.shows('#missed-count');
  return 'the call went on';
}

async function noAnswer(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob'], { Ann: { query: { ring_sec: '2' } } });
  await ann.ring('Bob');
  await bob.isRung('Ann');
  await ann.isTold(/Bob did not answer/);
  await Promise.all([ann, bob].map((tablet) => tablet.isIdle()));
  await bob.page.click('#open-missed');
  await bob.page.click('#missed-list button');
  await ann.answer('Bob');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await bob.hangUp();
  await bob.page.reload();
  await bob.page.click('#open-missed');
  assert.equal(await bob.page.locator('#missed-list li').count(), 1, 'the list is remembered');
  await bob.page.click('#missed-clear');
  assert.equal(await bob.page.locator('#missed-list li').count(), 0);
  return 'missed, and rung back';
}

async function cancel(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  await ann.ring('Bob');
  await bob.isRung('Ann');
  await ann.page.click('#cancel');
  await Promise.all([ann, bob].map((tablet) => tablet.isIdle()));
  await bob.isTold(/Ann rang/);
  await bob.shows('#missed-count');
  await ann.hasReleasedAll();
  return 'missed';
}

async function glare(home) {
  const [holdAnn, holdBob] = [holder(), holder()];
  const [ann, bob] = await home.openAll(['Ann', 'Bob'], { Ann: { prepare: holdAnn.prepare }, Bob: { prepare: holdBob.prepare } });
  for (let round = 1; round <= 3; round += 1) {
    // Neither hears of the other until both have rung.
    for (const hold of [holdAnn, holdBob]) hold.begin();
    await ann.ring('Bob');
    await bob.ring('Ann');
    for (const hold of round % 2 ? [holdAnn, holdBob] : [holdBob, holdAnn]) hold.end();
    await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
    await Promise.all([ann, bob].map((tablet) => tablet.framesGrow()));
    const open = (tablet) => tablet.page.evaluate(() => window.connections.filter(({ connectionState }) => connectionState !== 'closed').length);
    assert.deepEqual([await open(ann), await open(bob)], [1, 1], 'exactly one call');
    await (round % 2 ? ann : bob).hangUp();
    await Promise.all([ann, bob].map((tablet) => tablet.isIdle()));
  }
  assert.equal(await ann.page.locator('#missed-count').isVisible(), false);
  return '3 times';
}

/** Can keep what the server sends from a page for a while. */
function holder() {
  let kept = null;
  let give;
  return {
    prepare: (page) => page.routeWebSocket(/\/mesh$/, (socket) => {
      give = (text) => socket.send(text);
      socket.connectToServer().onMessage((text) => (kept ? kept.push(text) : give(text)));
    }),
    begin: () => (kept = []),
    end() {
      const texts = kept;
      kept = null;
      texts.forEach((text) => give(text));
    },
  };
}

async function hangUp(home) {
  const [ann, bob] = await home.openCall('Ann', 'Bob');
  await ann.hangUp();
  await bob.isIdle();
  await bob.isTold(/Ann left/);
  await Promise.all([ann, bob].map((tablet) => tablet.hasReleasedAll()));
  await ann.ring('Bob');
  await bob.answer('Ann');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await bob.hangUp();
  await ann.isIdle();
  await Promise.all([ann, bob].map((tablet) => tablet.hasReleasedAll()));
  return 'from either side';
}

async function talk(home) {
  const [ann, bob] = await home.openCall('Ann', 'Bob');
  const { page } = ann;
  const isMicOn = () => page.evaluate(() => window.streams.at(-1).getAudioTracks()[0].enabled);
  assert.equal(await page.locator('#talk').isVisible(), false, 'not while the microphone is on');
  await page.click('#mic');
  await bob.until('word that Ann is muted', async () => /muted/.test(await bob.page.textContent('.tile figcaption')));
  assert.equal(await isMicOn(), false);
  await page.keyboard.down('Space');
  await ann.until('talking by the space bar', isMicOn);
  await page.keyboard.up('Space');
  await ann.until('silence', async () => !(await isMicOn()));
  await page.hover('#talk');
  await page.mouse.down();
  await ann.until('talking by the button', isMicOn);
  await page.mouse.up();
  await ann.until('silence', async () => !(await isMicOn()));
  await page.click('#mic');
  await bob.until('word that Ann is heard', async () => !/muted/.test(await bob.page.textContent('.tile figcaption')));
  await page.click('#camera');
  await bob.shows('.tile .face');
  await page.click('#camera');
  await bob.hides('.tile .face');
  return 'by key and by button';
}

const named = { answer, voice, decline, busy, 'no-answer': noAnswer, cancel, glare, 'hang-up': hangUp, talk };
export const scenarios = Object.entries(named).map(([name, run]) => ({ name, run }));
