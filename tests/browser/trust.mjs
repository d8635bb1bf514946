// Owns what a real browser makes of the server's own authority: one that trusts it opens https by address and by name, gets camera and
// microphone, and calls over wss; one that does not is told by /trust what to do. With SHOTS=DIRECTORY it leaves pictures of /trust there.
// Usage: node trust.mjs ws://127.0.0.1:PORT HOST ..., where the hosts are other names of the server.
// Exit codes as in run.mjs.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const runMsMost = 60_000;
const deadlineMs = 10_000;

const [serverUrl = '', ...hosts] = process.argv.slice(2);
if (!/^ws:\/\/[^/]+:\d+$/.test(serverUrl) || hosts.length === 0) {
  console.error('usage: node trust.mjs ws://127.0.0.1:PORT HOST ...');
  process.exit(2);
}
for (const name of ['playwright-core', '@open-ayame/ayame-web-sdk']) {
  if (!existsSync(new URL(`node_modules/${name}/package.json`, import.meta.url))) skip('npm ci in tests/browser');
}
const { isInstalled, launch } = await import('./browser.mjs');
if (!isInstalled()) skip('chromium');
if (spawnSync('certutil', ['-H']).error) skip('certutil (libnss3-tools)');
const { inCall } = await import('./peer.mjs');
const { Stage } = await import('./stage.mjs');
const { answer } = await import('./static.mjs');
const { until } = await import('./until.mjs');

const port = new URL(serverUrl).port;
const shots = process.env.SHOTS;
const directory = mkdtempSync(join(tmpdir(), 'suzu-trust-'));
const browsers = [];
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
setTimeout(() => end(`FAILED run: not at its end after ${runMsMost} ms`), runMsMost).unref();

try {
  const authority = await (await fetch(`http://${hosts[0]}:${port}/ca.pem`)).text();
  const [trusting, stranger] = await Promise.all([start('trusting', authority), start('stranger')]);
  await Promise.all([
    passes('noticed', () => noticed(trusting)),
    passes('stranger', () => untrusted(stranger)),
    passes('platforms', () => platforms(stranger)),
    passes('secure', () => secure(trusting)).then(() => passes('trusted', () => trusted(trusting))),
  ]);
  await passes('wss-call', () => call(trusting));
  await end();
} catch (error) {
  await end(`FAILED ${error.stack}`);
}

/** A browser with a home of its own, which trusts an authority or none besides those that it comes with. */
async function start(name, authority) {
  const home = join(directory, name);
  const database = join(home, '.pki/nssdb');
  mkdirSync(database, { recursive: true });
  execFileSync('certutil', ['-d', `sql:${database}`, '-N', '--empty-password']);
  if (authority !== undefined) {
    const file = join(directory, 'ca.pem');
    writeFileSync(file, authority);
    execFileSync('certutil', ['-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'suzu', '-i', file]);
  }
  const browser = await launch({ home });
  browsers.push(browser);
  return browser;
}

async function passes(name, scenario) {
  const start = performance.now();
  try {
    const figures = await scenario();
    console.log(`ok ${name} ${Math.round(performance.now() - start)} ms${figures === undefined ? '' : ` (${figures})`}`);
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
}

/** It does not trust the authority: https is refused, and /trust says what to do. */
async function untrusted(browser) {
  for (const host of hosts) {
    const [refused, page] = await Promise.all([browser.newPage(), browser.newPage()]);
    const outcome = await refused.goto(`https://${host}:${port}/`).then(() => 'opened', String);
    assert.match(outcome, /ERR_CERT_AUTHORITY_INVALID/, `https://${host}`);
    await refused.close();
    await page.goto(`http://${host}:${port}/trust`);
    await shows(page, 'untrusted');
    assert.deepEqual(await open(page), ['linux'], 'the steps for this machine are open');
    await page.close();
  }
  await picture(browser, 'untrusted');
}

/** Each kind of device sees its own steps first. */
async function platforms(browser) {
  for (const [id, userAgent] of [
    ['ios', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'],
    ['android', 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36'],
    ['windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36 Edg/137.0.0.0'],
    ['macos', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15'],
    ['linux', 'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36'],
    ['firefox', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'],
    ['firefox', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ]) {
    const context = await browser.newContext({ userAgent });
    const page = await context.newPage();
    await page.goto(`http://${hosts[0]}:${port}/trust`);
    assert.deepEqual(await open(page), [id], userAgent);
    await context.close();
  }
}

/** It trusts the authority: by every name the page is secure, and has camera and microphone. */
async function secure(browser) {
  for (const host of hosts) {
    const page = await browser.newPage();
    await page.goto(`https://${host}:${port}/`);
    const found = await page.evaluate(async () => {
      const media = await navigator.mediaDevices?.getUserMedia({ audio: true, video: true });
      return { isSecureContext, kinds: media?.getTracks().map(({ kind }) => kind).sort() };
    });
    assert.deepEqual(found, { isSecureContext: true, kinds: ['audio', 'video'] }, `https://${host}`);
    await page.close();
  }
  return hosts.join(', ');
}

/** /trust says so, and its link leads to the secure page. */
async function trusted(browser) {
  for (const host of hosts) {
    const page = await browser.newPage();
    await page.goto(`http://${host}:${port}/trust`);
    await shows(page, 'trusted');
    await page.click('#secure');
    await page.waitForURL(`https://${host}:${port}/`);
    assert.ok(await page.evaluate(() => isSecureContext));
    await page.close();
  }
  await picture(browser, 'trusted');
}

/** The page looks again by itself: at first it fails, as it does before the certificate is installed. */
async function noticed(browser) {
  const context = await browser.newContext();
  let looks = 0;
  await context.route('https://**/.ok', (route) => (++looks === 1 ? route.abort() : route.continue()));
  const page = await context.newPage();
  await page.goto(`http://${hosts[0]}:${port}/trust`);
  await shows(page, 'untrusted');
  await shows(page, 'trusted');
  await context.close();
  return `${looks} looks`;
}

/** A call with the official SDK between two secure pages, over wss: the server's own page, into which the test brings its script. */
async function call(browser) {
  const origin = `${hosts.at(-1)}:${port}`;
  const withScript = {
    async newContext() {
      const context = await browser.newContext();
      await context.route(`https://${origin}/*.mjs`, async (route) => {
        await route.fulfill(await answer(new URL(route.request().url()).pathname));
      });
      context.on('page', (page) => page.on('domcontentloaded', () => bring(page)));
      return context;
    },
  };
  const stage = new Stage({
    browser: withScript,
    pageUrl: `https://${origin}/`,
    serverUrl: `wss://${origin}`,
    scenario: 'wss',
  });
  try {
    const [first, second] = await stage.openPeers('first', 'second');
    assert.ok(await first.page.evaluate(() => isSecureContext));
    await stage.startCall(first, second);
    return await inCall(first, second);
  } finally {
    await stage.close();
  }
}

async function bring(page) {
  await page.evaluate(() => {
    const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, playsInline: true });
    document.body.append(video);
  });
  await page.addScriptTag({ url: '/page.mjs', type: 'module' });
}

/** Waits until the page shows this of its states, and no other. */
function shows(page, state) {
  const visible = () =>
    page.$$eval('[data-state]', (all) => all.filter((one) => one.offsetParent !== null).map((one) => one.dataset.state));
  const look = async () => (await visible()).join() === state;
  return until(`state ${state} on ${page.url()}`, look, deadlineMs, async () => `it shows ${await visible()}`);
}

/** The steps that are open. */
function open(page) {
  return page.$$eval('details[open]', (all) => all.map(({ id }) => id));
}

async function picture(browser, state) {
  if (shots === undefined) return;
  mkdirSync(shots, { recursive: true });
  const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true };
  const desktop = { viewport: { width: 1280, height: 900 } };
  for (const [device, options] of Object.entries({ phone, desktop })) {
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ ...options, colorScheme });
      const page = await context.newPage();
      await page.goto(`http://${hosts.at(-1)}:${port}/trust`);
      await shows(page, state);
      await page.screenshot({ path: join(shots, `${state}-${device}-${colorScheme}.png`), fullPage: true });
      await context.close();
    }
  }
}

/** Takes everything down and ends the process; with a complaint it has failed. */
async function end(complaint) {
  if (complaint !== undefined) console.log(complaint);
  await Promise.allSettled(browsers.map((browser) => browser.close()));
  process.exit(complaint === undefined ? 0 : 1);
}

function skip(need) {
  console.log(`skipped: needs ${need}`);
  process.exit(77);
}
