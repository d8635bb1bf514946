// Owns: the page in docs/client.md does what the document says, two of them.

import assert from 'node:assert/strict';
import { Guest } from '../guest.mjs';

export const name = 'client-docs';

export async function run(stage) {
  const [ann, bob] = await Promise.all(['Ann', 'Bob & <b>'].map((name) => open(stage, name)));
  const called = button(ann, 'Bob & <b>');
  await called.waitFor({ timeout: 10_000 });
  await button(bob, 'Ann').waitFor({ timeout: 10_000 });
  bob.page.on('dialog', (dialog) => dialog.accept());
  await called.click();
  const frames = await Promise.all([ann, bob].map((guest) => guest.until('picture of the other', () => shown(guest))));
  for (const { pageErrors } of [ann, bob]) assert.deepEqual(pageErrors, []);
  return `frames ${frames.join('/')}`;
}

/** The example takes the server that the page is from; here that is not suzu. */
async function open(stage, name) {
  const page = await stage.openPage();
  await page.addInitScript((server) => {
    window.WebSocket = class extends WebSocket {
      constructor(url) {
        super(server + new URL(url).pathname);
      }
    };
  }, stage.serverUrl);
  const guest = new Guest(name, page);
  await page.goto(new URL(`client-example#${encodeURIComponent(name)}`, stage.pageUrl).href);
  return guest;
}

const button = ({ page }, name) => page.getByRole('button', { name: `Call ${name}`, exact: true });

const shown = ({ page }) =>
  page.evaluate(() => {
    const { videoWidth, currentTime } = document.querySelector('video');
    const frames = document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames;
    return videoWidth > 0 && currentTime > 0 && frames > 3 ? frames : 0;
  });
