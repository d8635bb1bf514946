// Owns: the diagnostics page, alone and with another device.

import assert from 'node:assert/strict';

async function alone(home) {
  const page = await home.open('Diagnostics', { path: '/diagnostics' });
  await isDone(page);
  const verdicts = await verdictsOf(page);
  assert.equal(verdicts.secure, 'ok');
  assert.equal(verdicts.socket, 'ok');
  assert.equal(verdicts.ice, 'ok');
  assert.equal(verdicts.local, 'info');
  assert.match(await page.page.textContent('#checks'), /Needs a second device/);
  const report = await page.page.inputValue('#report');
  assert.match(report, /^suzu diagnostics\n[\s\S]*\[ok\] Server: Connected to the room/);
  await page.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.page.click('#copy');
  await page.until('the copy', async () => (await page.page.textContent('#copy')) === 'Copied');
  assert.equal(await page.page.evaluate(() => navigator.clipboard.readText()), await page.page.inputValue('#report'));
  await page.page.click('#try');
  await page.shows('#preview video');
  return Object.entries(verdicts).map(([name, verdict]) => `${name} ${verdict}`).join(', ');
}

async function two(home) {
  const ann = await home.open('Ann');
  await ann.isConnected();
  const page = await home.open('Diagnostics', { path: '/diagnostics' });
  await isDone(page);
  assert.equal((await verdictsOf(page)).local, 'ok');
  assert.equal(await ann.page.locator('#stations li').count(), 0, 'it is no station');
  return namesIn(page);
}

/** Browsers that nobody has given a camera yet, and so use names. Whether these are found depends on this machine. */
async function names(home) {
  const flags = { without: ['--use-fake-ui-for-media-stream'] };
  const ann = await home.open('Ann', { flags });
  await ann.isConnected();
  const page = await home.open('Diagnostics', { path: '/diagnostics', flags });
  await isDone(page);
  assert.match(await page.page.textContent('#checks'), /host \(\.local\)/);
  const line = await namesIn(page);
  assert.match(line, /find/, 'either way, it was tried');
  return line;
}

const namesIn = async ({ page }) => (await page.inputValue('#report')).split('\n').find((line) => line.includes('names between'));

async function noServer(home) {
  const prepare = (page) => page.routeWebSocket(/\/mesh$/, (socket) => socket.close({ code: 1008, reason: 'room-full' }));
  const page = await home.open('Diagnostics', { path: '/diagnostics', prepare });
  await isDone(page);
  assert.equal((await verdictsOf(page)).socket, 'bad');
  assert.match(await page.page.inputValue('#report'), /\[bad\] Server: No connection/);
  return 'said so';
}

const isDone = (tablet) => tablet.until('all verdicts', async () => (await tablet.page.locator('#checks [data-verdict=running]').count()) === 0, 40_000);

async function verdictsOf({ page }) {
  const found = await page.locator('#checks > li').evaluateAll((items) => items.map((item) => item.dataset.verdict));
  const names = ['secure', 'certificate', 'microphone', 'camera', 'socket', 'ice', 'local', 'closes'];
  return Object.fromEntries(names.map((name, index) => [name, found[index]]));
}

const named = { 'diagnostics-alone': alone, 'diagnostics-two': two, 'diagnostics-names': names, 'diagnostics-no-server': noServer };
export const scenarios = Object.entries(named).map(([name, run]) => ({ name, run }));
