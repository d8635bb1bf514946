// Owns: cameras and microphones that are not there, not allowed, or changed in a call.

import assert from 'node:assert/strict';

/** Neither: this side receives only, and is told what to do. */
async function denied(home) {
  const flags = { without: ['--use-fake-ui-for-media-stream'], and: ['--deny-permission-prompts'] };
  const [ann, bob] = await home.openCall('Ann', 'Bob', { Ann: { flags } });
  await ann.until('what to do', async () => /not allowed.*Allow them in the browser/.test(await ann.page.textContent('#call-note')));
  await ann.framesGrow();
  await ann.hears();
  await bob.shows('.tile .face');
  assert.equal(await ann.page.isDisabled('#mic'), true);
  await ann.hangUp();
  await bob.isIdle();
  return 'receives only';
}

async function noCamera(home) {
  const flags = { without: ['--use-fake-device'], and: ['--use-fake-device-for-media-stream=device-count=0'] };
  const [ann, bob] = await home.openCall('Ann', 'Bob', { Ann: { flags } });
  await ann.until('word of it', async () => /No camera/.test(await ann.page.textContent('#call-note')));
  await ann.framesGrow();
  await bob.hears();
  await bob.shows('.tile .face');
  return 'sound only, one way';
}

/** No microphone and no camera at all. */
async function nothing(home) {
  const prepare = (page) => page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
  });
  const [ann, bob] = await home.openAll(['Ann', 'Bob'], { Ann: { prepare } });
  await bob.ring('Ann');
  await ann.answer('Bob');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await ann.until('word of it', async () => /No camera or microphone found/.test(await ann.page.textContent('#call-note')));
  await ann.framesGrow();
  await ann.hears();
  return 'receives only';
}

/** Somebody does not answer the browser's question: the call begins without, and what is allowed later follows. */
async function late(home) {
  const prepare = (page) => page.addInitScript(() => {
    const devices = navigator.mediaDevices;
    const ask = devices.getUserMedia.bind(devices);
    const allowed = new Promise((resolve) => (window.allow = resolve));
    devices.getUserMedia = (wishes) => allowed.then(() => ask(wishes));
  });
  const [ann, bob] = await home.openCall('Ann', 'Bob', { Ann: { prepare } });
  await ann.framesGrow();
  await ann.page.evaluate(() => window.allow());
  await bob.framesGrow();
  await bob.hears();
  return 'the media followed';
}

async function change(home) {
  const [ann, bob] = await home.openCall('Ann', 'Bob');
  await ann.page.click('#call-devices');
  await ann.until('cameras', async () => (await ann.page.locator('#set-camera option').count()) > 1);
  const before = await ann.page.evaluate(() => window.streams.length);
  await ann.page.selectOption('#set-camera', { index: 1 });
  await ann.until('another stream', async () => (await ann.page.evaluate(() => window.streams.length)) > before);
  await bob.framesGrow();
  await ann.page.locator('#set-volume').fill('30');
  await ann.until('volume', () => ann.page.evaluate(() => Math.abs(document.querySelector('.tile video').volume - 0.3) < 0.01));
  await ann.page.keyboard.press('Escape');
  await bob.framesGrow();
  await ann.hangUp();
  await ann.hasReleasedAll();
  return 'in mid-call';
}

const named = { denied, 'no-camera': noCamera, nothing, late, 'change-devices': change };
export const scenarios = Object.entries(named).map(([name, run]) => ({ name, run }));
