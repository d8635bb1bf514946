// Owns a run: what must be there, the order of the scenarios, the deadlines, one line for each, the exit code, and that
// nothing stays behind. Usage: node run.mjs ws://127.0.0.1:PORT [SCENARIO ...]
// Exit codes: 0 all passed, 1 something failed, 2 wrong usage, 77 skipped (automake's code for it).

import { existsSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const runMsMost = 240_000;
const scenarioMsMost = 30_000;
/** How long tidying up may take before the process ends anyway, which ends Chromium too: its pipe breaks. */
const tidyMsMost = 5_000;

const [serverUrl = '', ...wanted] = process.argv.slice(2);
if (!/^ws:\/\/[^/]+$/.test(serverUrl)) {
  console.error('usage: node run.mjs ws://127.0.0.1:PORT [SCENARIO ...]');
  process.exit(2);
}
const packages = Object.keys(JSON.parse(readFileSync(new URL('package.json', import.meta.url))).dependencies);
if (!packages.every((name) => existsSync(new URL(`node_modules/${name}/package.json`, import.meta.url)))) {
  skip('npm ci in tests/browser');
}
const { isInstalled, launch } = await import('./browser.mjs');
if (!isInstalled()) skip('chromium');

const { servePage } = await import('./static.mjs');
const { Stage } = await import('./stage.mjs');
const { isGiven } = await import('./server.mjs');
const { WebSocket } = await import('ws');
const [call, full, bye, reload, clients, mesh, resume] = await Promise.all(
  ['call', 'full', 'bye', 'reload', 'clients', 'mesh', 'resume'].map((name) => import(`./${name}.mjs`)),
);
const sdk = [call, full, bye, reload.sameId, reload.newId];
const documented = [clients.ayame, clients.mailbox, clients.relay, mesh, resume];
const [presence, calls, away, wrong, docs] = await Promise.all(
  ['presence', 'call', 'away', 'wrong', 'docs'].map((name) => import(`./client/${name}.mjs`)),
);
const client = [
  presence, calls.call, calls.reject, calls.glare, calls.swap, calls.receiveOnly, calls.restartIce, calls.interrupted,
  away.cut, away.frozen, away.late, away.reload, away.sleep, away.vanish, wrong.nonsense, wrong.full, wrong.copy, wrong.copyOfId,
  wrong.teardown, docs,
  ...(isGiven() ? [away.restart, away.newIdFirst, away.newIdLast] : []),
];
const scenarios = [...sdk, ...documented, ...client].filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (scenarios.length < Math.max(1, wanted.length)) {
  console.error(`no such scenario in ${wanted.join(' ')}`);
  process.exit(2);
}

const runEnds = performance.now() + runMsMost;
let launching;
let page;
let ending = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(1, `stopped by ${signal}`));

let failed = 0;
try {
  await within(5_000, 'answer to a WebSocket upgrade', serverAnswers(`${serverUrl}/signaling`));
  page = await servePage();
  launching = launch();
  const browser = await launching;
  for (const scenario of scenarios) failed += (await passes(scenario, browser)) ? 0 : 1;
} catch (error) {
  console.log(`FAILED run: ${oneLine(error)}`);
  failed = scenarios.length;
}
await end(failed === 0 ? 0 : 1, `${scenarios.length - failed} passed, ${failed} failed`);

async function passes({ name, run }, browser) {
  const stage = new Stage({ browser, pageUrl: page.url, serverUrl, scenario: name });
  const start = performance.now();
  try {
    const figures = await within(Math.min(scenarioMsMost, runEnds - start), 'end of the scenario', run(stage));
    console.log(`ok ${name} ${Math.round(performance.now() - start)} ms (${figures})`);
    return true;
  } catch (error) {
    if (!ending) console.log(`FAILED ${name}: ${oneLine(error)}`);
    return false;
  } finally {
    await stage.close();
  }
}

/** A server that is not there should be one clear line, not five scenarios that time out. */
function serverAnswers(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.on('error', (error) => reject(new Error(`${url}: ${error.message || error.code}`)));
    socket.on('open', () => socket.close());
    socket.on('close', resolve);
  });
}

async function within(ms, what, promise) {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${Math.max(0, Math.round(ms))} ms`)), Math.max(0, ms));
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Takes everything down and ends the process; the first call decides how. */
async function end(code, lastLine) {
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(code || 1), tidyMsMost).unref();
  page?.close();
  const browser = await launching?.catch(() => undefined);
  await browser?.close();
  console.log(lastLine);
  process.exit(code);
}

function skip(need) {
  console.log(`skipped: needs ${need}`);
  process.exit(77);
}

function oneLine(error) {
  return (error?.message ?? String(error)).replace(/\s+/g, ' ').trim().slice(0, 500);
}
