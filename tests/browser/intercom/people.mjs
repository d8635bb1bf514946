// Owns: the first visit, another language, and people who use the keyboard only.

import assert from 'node:assert/strict';

async function firstVisit(home) {
  const ann = await home.open('Ann');
  const { page } = await home.open('Bob', { noName: true });
  const bob = home.tablets.at(-1);
  await bob.shows('#start');
  assert.equal(await page.inputValue('#start-room'), home.room);
  await page.click('#start-look');
  await bob.shows('#start-preview video');
  await page.fill('#start-name', '  Bob ');
  await page.click('#start button[type=submit]');
  await bob.sees('Ann');
  await ann.sees('Bob');
  await bob.hasReleasedAll();
  await page.goto(`${home.baseUrl}/`);
  await bob.sees('Ann');
  assert.equal(await page.locator('#start').isVisible(), false, 'straight to the grid');
  await page.click('#brand');
  await page.fill('#set-name', 'Robert');
  await page.keyboard.press('Escape');
  await ann.sees('Robert');
  await ann.doesNotSee('Bob');
  return 'remembered';
}

/** A browser with the rule that most have: no sound before a tap. */
async function sound(home) {
  const flags = { without: ['--autoplay-policy'] };
  const ann = await home.open('Ann', { flags });
  await ann.shows('#sound-on');
  await ann.page.click('#sound-on');
  await ann.hides('#sound-on');
  const bob = await home.open('Bob', { flags, query: { auto: 'answer' } });
  await ann.sees('Bob', /answers by itself/);
  await ann.tile('Bob').locator('button').first().click();
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await Promise.all([ann, bob].map((tablet) => tablet.framesGrow()));
  return 'by one tap';
}

async function keyboard(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  await tabTo(ann, /Ring Bob Free$/);
  await ann.page.keyboard.press('Enter');
  await bob.isRung('Ann');
  assert.equal(await focused(bob), 'Answer', 'the focus is where one answers');
  await bob.page.keyboard.press('Enter');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  assert.deepEqual([await focused(ann), await focused(bob)], ['Hang up', 'Hang up'], 'the focus is in the call');
  await tabTo(ann, /Microphone is on/);
  await ann.page.keyboard.press('Enter');
  await tabTo(ann, /Hold to talk/);
  await ann.page.keyboard.down('Space');
  await ann.until('talking', () => ann.page.evaluate(() => window.streams.at(-1).getAudioTracks()[0].enabled));
  await ann.page.keyboard.up('Space');
  await tabTo(ann, /Hang up/);
  await ann.page.keyboard.press('Enter');
  await Promise.all([ann, bob].map((tablet) => tablet.isIdle()));
  await tabTo(bob, /Ring Ann Free$/);
  await bob.page.keyboard.press('Space');
  await ann.isRung('Bob');
  await ann.page.keyboard.press('Escape');
  await bob.isTold(/Ann declined/);
  await tabTo(ann, /Add a device/);
  await ann.page.keyboard.press('Enter');
  await ann.shows('#share .qr svg');
  await ann.page.keyboard.press('Escape');
  await ann.hides('#share');
  return 'ring, answer, mute, talk, hang up, decline';
}

const focused = ({ page }) => page.evaluate(() => {
  const element = document.activeElement;
  return element === document.body ? '' : (element.getAttribute('aria-label') ?? element.innerText.replace(/\s+/g, ' ').trim());
});

async function tabTo(tablet, label) {
  const passed = [];
  for (let count = 0; count < 30; count += 1) {
    await tablet.page.keyboard.press('Tab');
    passed.push(await focused(tablet));
    if (label.test(passed.at(-1))) return;
  }
  assert.fail(`Tab never comes to ${label}, only to ${passed.join(', ')}`);
}

async function japanese(home) {
  const context = { locale: 'ja-JP' };
  const [ann, bob] = [await home.open('台所', { context }), await home.open('Bob', { query: { lang: 'ja' } })];
  for (const tablet of [ann, bob]) assert.equal(await tablet.page.getAttribute('html', 'lang'), 'ja');
  await ann.sees('Bob', /応答可/);
  await ann.ring('Bob');
  await bob.isRung('台所');
  assert.match(await bob.page.textContent('#ring-text'), /呼んでいます/);
  await bob.page.getByRole('button', { name: '応答', exact: true }).click();
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await ann.page.getByRole('button', { name: '切る' }).click();
  await bob.isTold(/台所が退出しました/);
  const english = await ann.page.evaluate(() => document.body.innerText.match(/\b(Ring|Answer|Connected|Settings|Free)\b/g));
  assert.equal(english, null, 'nothing is left in English');
  return 'by the browser, and by the address';
}

const named = { 'first-visit': firstVisit, sound, keyboard, japanese };
export const scenarios = Object.entries(named).map(([name, run]) => ({ name, run }));
