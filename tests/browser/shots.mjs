// Owns the pictures of the page for the documentation: docs/pictures. Usage: node shots.mjs http://HOST:PORT FOLDER
// What the cameras see is drawn here: browsers' own fake cameras are not nice to look at.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './browser.mjs';
import { Home } from './intercom/home.mjs';

const [baseUrl, folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node shots.mjs http://HOST:PORT FOLDER');
  process.exit(2);
}
const sizes = { phone: { width: 390, height: 844 }, tablet: { width: 1280, height: 800 } };
const room = 'home';
/** Of one picture, in the repository for ever. */
const bytesMost = 55_000;

const kitchen = scene({ wall: '#efe3cf', far: '#d9c7a6', skin: '#e0a98a', hair: '#4a3426', shirt: '#356b63', more: `
  <rect x="90" y="60" width="210" height="190" rx="8" fill="#cfe3ea"/><path d="M195 60v190M90 155h210" stroke="#fff" stroke-width="9"/>
  <rect x="0" y="430" width="960" height="110" fill="#b98f63"/><rect x="670" y="70" width="230" height="22" rx="6" fill="#b98f63"/>
  <rect x="700" y="20" width="34" height="50" rx="8" fill="#c8553d"/><rect x="748" y="30" width="30" height="40" rx="8" fill="#2f6f8f"/><circle cx="830" cy="46" r="24" fill="#e6b450"/>
  <path d="M600 0v110" stroke="#6b5a43" stroke-width="5"/><path d="M555 150a45 45 0 0 1 90 0z" fill="#c8553d"/>` });
const garden = scene({ wall: '#bfe0ef', far: '#8fbf7f', skin: '#f0c7a3', hair: '#b7652b', shirt: '#e2b13c', more: `
  <circle cx="810" cy="100" r="52" fill="#ffe39a"/><path d="M0 330c170-90 320-70 480-10s320 40 480-30v250H0z" fill="#7fb36f"/>
  <path d="M150 350V230" stroke="#7a5535" stroke-width="22"/><circle cx="150" cy="190" r="92" fill="#4f8d55"/><circle cx="215" cy="225" r="60" fill="#5c9c60"/>
  <path d="M700 360v60M745 352v68M790 346v74M835 340v80M880 336v84M680 385h240" stroke="#f6efe0" stroke-width="14"/>` });

function scene({ wall, far, skin, hair, shirt, more }) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="960" height="540" viewBox="0 0 960 540"><rect width="960" height="540" fill="${wall}"/><rect y="400" width="960" height="140" fill="${far}"/>${more}
  <path d="M270 540c0-120 90-170 210-170s210 50 210 170z" fill="${shirt}"/><rect x="438" y="320" width="84" height="90" rx="40" fill="${skin}"/>
  <path d="M362 230c0-95 50-140 118-140s118 45 118 140c0 40-12 70-12 70H374s-12-30-12-70z" fill="${hair}"/>
  <ellipse cx="480" cy="248" rx="92" ry="112" fill="${skin}"/><path d="M384 225c14-70 60-92 96-92s84 22 96 92c-40-8-62-30-78-52-20 30-64 50-114 52z" fill="${hair}"/>
  <circle cx="446" cy="246" r="9" fill="#33241a"/><circle cx="514" cy="246" r="9" fill="#33241a"/><path d="M446 296c20 24 48 24 68 0" fill="none" stroke="#8a4b35" stroke-width="8" stroke-linecap="round"/></svg>`;
}

const temporary = await mkdtemp(join(tmpdir(), 'suzu-shots-'));
const browsers = [];
await mkdir(folder, { recursive: true });
try {
  const cameras = { Kitchen: await camera('kitchen', kitchen), Garden: await camera('garden', garden) };
  for (const [device, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ['light', 'dark']) await shoot(device, viewport, colorScheme, cameras);
  }
} finally {
  await Promise.allSettled(browsers.map((browser) => browser.close()));
  await rm(temporary, { recursive: true });
}

/** A browser whose camera sees the drawing: a file with one JPEG is a film of one picture. */
async function camera(name, svg) {
  const painter = await launch();
  const page = await painter.newPage({ viewport: { width: 960, height: 540 } });
  await page.goto(`data:image/svg+xml,${encodeURIComponent(svg)}`);
  const file = join(temporary, `${name}.mjpeg`);
  await writeFile(file, await page.screenshot({ type: 'jpeg', quality: 92 }));
  await painter.close();
  const browser = await launch({ and: [`--use-file-for-fake-video-capture=${file}`] });
  browsers.push(browser);
  return browser;
}

async function shoot(device, viewport, colorScheme, cameras) {
  const context = { viewport, colorScheme, reducedMotion: 'reduce', deviceScaleFactor: 1 };
  const homes = [];
  const openAs = async (browser, name, query = {}) => {
    const home = new Home({ browser: () => browser, baseUrl, scenario: 'shots' });
    home.room = room;
    homes.push(home);
    return home.open(name, { query, context });
  };
  const take = async (tablet, name) => {
    let picture;
    for (let quality = 80; !picture || picture.length > bytesMost; quality -= 5) picture = await tablet.page.screenshot({ type: 'jpeg', quality });
    await writeFile(join(folder, `${name}-${device}-${colorScheme}.jpg`), picture);
  };
  try {
    const hall = await openAs(cameras.Kitchen, 'Hall');
    const others = [];
    for (const [name, query] of [['Garden', {}], ['Front door', { auto: 'answer' }], ['Workshop', {}], ["Mia's room", {}]]) {
      others.push(await openAs(name === 'Garden' ? cameras.Garden : cameras.Kitchen, name, query));
    }
    const [garden, , workshop, mia] = others;
    await workshop.page.selectOption('#own-state', 'away');
    await mia.page.selectOption('#own-state', 'dnd');
    await hall.sees('Workshop', /Away/);
    await hall.sees("Mia's room", /disturb/);
    await hall.sees('Front door', /answers/);
    await take(hall, 'idle');
    await garden.ring('Hall');
    await hall.isRung('Garden');
    await take(hall, 'ringing');
    await hall.answer('Garden');
    await hall.isInCall(1);
    await hall.framesGrow();
    await hall.hides('.tile .face');
    const isSharp = () => hall.page.evaluate(() => document.querySelector('.tile video').videoWidth >= 960);
    await hall.until('a sharp picture', isSharp, 20_000).catch(() => console.log('the picture stays small: this machine is busy'));
    await take(hall, 'call');
    await hall.hangUp();
    const diagnostics = await openAs(cameras.Kitchen, 'Diagnostics');
    await diagnostics.page.goto(`${baseUrl}/diagnostics?room=${room}`);
    await diagnostics.until('all verdicts', async () => (await diagnostics.page.locator('#checks [data-verdict=running]').count()) === 0, 40_000);
    await take(diagnostics, 'diagnostics');
  } finally {
    await Promise.all(homes.map((home) => home.close()));
  }
}
