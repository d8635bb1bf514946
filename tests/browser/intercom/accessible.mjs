// Owns: axe-core finds nothing on any page in any state, in light and in dark.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
let looked = 0;

/** Fails if axe has anything to say about what the tablet shows now. */
async function isClean(tablet, state) {
  for (const colorScheme of ['light', 'dark']) {
    // Without movement: colours in the middle of one are nobody's.
    await tablet.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    if (!(await tablet.page.evaluate(() => 'axe' in window))) await tablet.page.evaluate(axe);
    const violations = await tablet.page.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 120)} ${any[0]?.message ?? ''}`).slice(0, 3).join(' | ')}`));
    assert.deepEqual(violations, [], `${state}, ${colorScheme}`);
    looked += 1;
  }
}

const done = () => {
  const text = `${looked} states clean`;
  looked = 0;
  return text;
};

async function grid(home) {
  const fresh = await home.open('New', { noName: true });
  await fresh.shows('#start');
  await isClean(fresh, 'first visit');
  const ann = await home.open('Ann');
  await ann.shows('#empty .qr svg');
  await isClean(ann, 'nobody there');
  const bob = await home.open('Bob', { query: { auto: 'answer' } });
  await ann.sees('Bob', /answers/);
  await bob.page.selectOption('#own-state', 'dnd');
  await ann.sees('Bob', /disturb/);
  await isClean(ann, 'grid');
  for (const [button, sheet] of [['#open-settings', '#settings'], ['#open-share', '#share'], ['#open-missed', '#missed']]) {
    await ann.page.click(button);
    await ann.shows(sheet);
    await isClean(ann, sheet);
    await ann.page.keyboard.press('Escape');
    await ann.hides(sheet);
  }
  await ann.page.setViewportSize({ width: 320, height: 568 });
  await isClean(ann, 'smallest phone');
  const widths = await ann.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(widths[0] <= widths[1], `${widths[0]} px of content on ${widths[1]} px`);
  await targetsAreLarge(ann);
  return done();
}

async function call(home) {
  const [ann, bob] = await home.openAll(['Ann', 'Bob']);
  const cat = await home.open('Cat');
  await cat.sees('Ann');
  await ann.ring('Bob');
  await bob.isRung('Ann');
  await isClean(bob, 'ringing');
  await isClean(ann, 'calling');
  await targetsAreLarge(bob);
  await bob.page.click('#decline');
  await ann.isTold(/declined/);
  await isClean(ann, 'told');
  await ann.ring('Bob');
  await ann.page.click('#cancel');
  await bob.shows('#missed-count');
  await bob.page.click('#open-missed');
  await isClean(bob, 'missed calls');
  await bob.page.keyboard.press('Escape');
  await bob.ring('Ann');
  await ann.answer('Bob');
  await Promise.all([ann, bob].map((tablet) => tablet.isInCall(1)));
  await ann.framesGrow();
  await isClean(ann, 'in a call');
  await ann.page.click('#mic');
  await ann.page.click('#camera');
  await ann.shows('#talk');
  await isClean(ann, 'muted');
  await bob.shows('.tile .face');
  await isClean(bob, 'no picture');
  await ann.page.setViewportSize({ width: 320, height: 568 });
  await targetsAreLarge(ann);
  await ann.page.click('#call-add');
  await isClean(ann, 'adding');
  await ann.page.locator('#add-list button').click();
  await cat.answer('Ann');
  await Promise.all([ann, bob, cat].map((tablet) => tablet.isInCall(2)));
  await isClean(cat, 'call of three');
  await cat.page.click('#call-devices');
  await isClean(cat, 'devices in a call');
  return done();
}

async function pages(home) {
  const wall = await home.open('Wall', { query: { kiosk: '1', dim_sec: '1' } });
  await wall.shows('#dim');
  await isClean(wall, 'dimmed');
  const plain = await home.open('Plain', { prepare: (page) => page.addInitScript(() => Object.defineProperty(window, 'isSecureContext', { value: false })) });
  await plain.sees('Wall');
  await isClean(plain, 'without https');
  const japanese = await home.open('台所', { query: { lang: 'ja' } });
  await japanese.sees('Wall', /応答可/);
  await isClean(japanese, 'Japanese');
  const diagnostics = await home.open('Diagnostics', { path: '/diagnostics' });
  await diagnostics.until('all verdicts', async () => (await diagnostics.page.locator('#checks [data-verdict=running]').count()) === 0, 40_000);
  await isClean(diagnostics, 'diagnostics');
  return done();
}

/** Whatever can be touched is at least 48 px in both directions (a switch with its words), and inside the window. */
async function targetsAreLarge({ page }) {
  const small = await page.locator('button:visible, select:visible, label.switch:visible, input[type=text]:visible').evaluateAll((elements) => elements
    .filter((element) => !element.closest('dialog:not([open])'))
    .map((element) => [element.id || element.className, element.getBoundingClientRect()])
    .filter(([, { width, height, left, right }]) => width < 47.9 || height < 47.9 || left < 0 || right > window.innerWidth)
    .map(([name, { width, height }]) => `${name} ${Math.round(width)}x${Math.round(height)}`));
  assert.deepEqual(small, [], 'targets of less than 48 px, or outside');
}

const named = { 'axe-grid': grid, 'axe-call': call, 'axe-pages': pages };
export const scenarios = Object.entries(named).map(([name, run]) => ({ name, run }));
