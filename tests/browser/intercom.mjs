// Owns a run of the intercom's scenarios against a server that has the page: the order, the deadlines, one line for each, the
// exit code, and that nothing stays behind. Usage: node intercom.mjs http(s)://HOST:PORT [SCENARIO ...]
// Exit codes: 0 all passed, 1 something failed, 2 wrong usage, 77 skipped (automake's code for it). With SUZU_BIN set to the
// server's program, a scenario that kills and starts a server of its own is played too.

import { existsSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const runMsMost = 420_000;
const scenarioMsMost = 60_000;
/** How long tidying up may take before the process ends anyway, which ends Chromium too: its pipe breaks. */
const tidyMsMost = 5_000;

const [address = '', ...wanted] = process.argv.slice(2);
// The other runner is given ws:; that is the same server.
const baseUrl = address.replace(/^ws/, 'http').replace(/\/$/, '');
if (!/^https?:\/\/[^/]+$/.test(baseUrl)) {
  console.error('usage: node intercom.mjs http(s)://HOST:PORT [SCENARIO ...]');
  process.exit(2);
}
const packages = Object.keys(JSON.parse(readFileSync(new URL('package.json', import.meta.url))).dependencies);
if (!packages.every((name) => existsSync(new URL(`node_modules/${name}/package.json`, import.meta.url)))) {
  skip('npm ci in tests/browser');
}
const { isInstalled, launch } = await import('./browser.mjs');
if (!isInstalled()) skip('chromium');

const { Home } = await import('./intercom/home.mjs');
const files = ['ring', 'lost', 'more', 'people', 'devices', 'wrong', 'diagnostics', 'accessible'];
const modules = await Promise.all(files.map((name) => import(`./intercom/${name}.mjs`)));
const all = modules.flatMap(({ scenarios }) => scenarios).filter(({ needsServer }) => !needsServer || process.env.SUZU_BIN);
const scenarios = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (scenarios.length < Math.max(1, wanted.length)) {
  console.error(`no such scenario in ${wanted.join(' ')}; there are ${all.map(({ name }) => name).join(' ')}`);
  process.exit(2);
}

const runEnds = performance.now() + runMsMost;
/** By what is special about them. */
const browsers = new Map();
let ending = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(1, `stopped by ${signal}`));

let failed = 0;
try {
  await within(10_000, 'browser', browser());
  for (const scenario of scenarios) failed += (await passes(scenario)) ? 0 : 1;
} catch (error) {
  console.log(`FAILED run: ${oneLine(error)}`);
  failed = scenarios.length;
}
await end(failed === 0 ? 0 : 1, `${scenarios.length - failed} passed, ${failed} failed`);

/** One browser for each set of flags, started once. */
function browser(change = {}) {
  const key = JSON.stringify(change);
  if (!browsers.has(key)) browsers.set(key, launch(change));
  return browsers.get(key);
}

async function passes({ name, run }) {
  const home = new Home({ browser, baseUrl, scenario: name });
  const start = performance.now();
  try {
    const figures = await within(Math.min(scenarioMsMost, runEnds - start), 'end of the scenario', run(home));
    home.assertNoErrors();
    console.log(`ok ${name} ${Math.round(performance.now() - start)} ms (${figures})`);
    return true;
  } catch (error) {
    if (!ending) console.log(`FAILED ${name}: ${oneLine(error)}`);
    return false;
  } finally {
    await home.close();
  }
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
  await Promise.allSettled([...browsers.values()].map(async (launching) => (await launching).close()));
  console.log(lastLine);
  process.exit(code);
}

function skip(need) {
  console.log(`skipped: needs ${need}`);
  process.exit(77);
}

function oneLine(error) {
  return (error?.message ?? String(error)).replace(/\s+/g, ' ').trim().slice(0, 700);
}
