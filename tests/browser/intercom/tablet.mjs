// Owns the driver's view of one intercom page: it looks and taps as a person does, and listens to what arrives.

import { until } from '../until.mjs';
import { Wire } from '../wire.mjs';

/** A working machine never takes this long for anything that is waited for here. */
const deadlineMs = 15_000;

export class Tablet {
  errors = [];

  constructor(name, page, url) {
    Object.assign(this, { name, page, url, wire: new Wire(page) });
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Refused to/.test(message.text())) this.errors.push(message.text());
    });
  }

  async open(prepare) {
    await this.page.addInitScript(keepConnections);
    await prepare?.(this.page);
    await this.page.goto(this.url);
  }

  // What can be seen

  until(what, look, ms = deadlineMs) {
    return until(`${what} for ${this.name}`, look, ms, () => this.#shown());
  }

  async #shown() {
    const text = await this.page.evaluate(() => document.body.innerText.replace(/\s+/g, ' ').slice(0, 300)).catch(String);
    return `shown ${JSON.stringify(text)}, errors ${JSON.stringify(this.errors)}, wire ${this.wire.summary().slice(-300)}`;
  }

  /** The tile of a station; `text` is what it has to say besides the name. */
  tile(name) {
    return this.page.locator('#stations li', { has: this.page.locator('.name', { hasText: new RegExp(`^${escape(name)}$`) }) });
  }

  sees(name, text = /Free/) {
    return this.until(`tile ${name} with ${text}`, async () => text.test(await textOf(this.tile(name).locator('.state').first())));
  }

  doesNotSee(name) {
    return this.until(`end of the tile ${name}`, async () => (await this.tile(name).count()) === 0);
  }

  isConnected() {
    return this.until('connection', () => this.page.locator('#link[data-state=connected]').count());
  }

  shows(selector) {
    return this.until(`sight of ${selector}`, () => this.page.locator(selector).first().isVisible());
  }

  hides(selector) {
    return this.until(`end of ${selector}`, async () => !(await this.page.locator(selector).first().isVisible()));
  }

  isRung(name) {
    const is = async () => (await this.page.locator('#ring-in').isVisible()) && (await textOf(this.page.locator('#ring-name'))) === name;
    return this.until(`ring from ${name}`, is);
  }

  isIdle() {
    return this.until('grid', async () => (await this.page.locator('#home').isVisible()) && !(await this.page.locator('#ring').isVisible()));
  }

  isTold(text) {
    return this.until(`note ${text}`, async () => text.test(await textOf(this.page.locator('#toasts'))));
  }

  /** Sees `count` others in a call, each with sound or pictures arriving. */
  async isInCall(count) {
    await this.until(`call of ${count + 1}`, async () => {
      const tiles = await this.page.locator('#call .tile').evaluateAll((tiles) => tiles.map((tile) => tile.dataset.status));
      return tiles.length === count && tiles.every((status) => status === '');
    });
    await this.hides('#ring');
  }

  // What a person does

  async ring(name, { voice = false } = {}) {
    await this.tile(name).locator('button').nth(voice ? 1 : 0).click();
    await this.shows('#ring-out');
  }

  async answer(name) {
    await this.isRung(name);
    await this.page.click('#answer');
  }

  async hangUp() {
    await this.page.click('#hang-up');
    await this.isIdle();
  }

  // What arrives

  /** Pictures decoded from each other, in the order of the connections that are open. */
  frames() {
    return this.page.evaluate(async () => {
      const open = window.connections.filter(({ connectionState }) => connectionState === 'connected');
      const counts = await Promise.all(open.map(async (connection) => {
        const stats = [...(await connection.getStats()).values()];
        return stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')?.framesDecoded ?? 0;
      }));
      return counts;
    });
  }

  /** Waits until more pictures than now have been decoded from each of `count` others. */
  async framesGrow(count = 1) {
    const before = await this.until(`${count} connections`, async () => {
      const frames = await this.frames();
      return frames.length === count && frames;
    });
    let now;
    await this.until('growing number of frames', async () => {
      now = await this.frames();
      return now.length === count && now.every((frames, index) => frames > before[index] + 2);
    });
    return now.reduce((sum, frames) => sum + frames, 0);
  }

  /** Waits until each remote stream has been loud, which need not be at the same time; resolves with the quietest. */
  async hears(count = 1) {
    await this.page.evaluate(() => window.ears?.loudest.clear());
    return this.until(`sound of ${count}`, async () => {
      const levels = await this.page.evaluate(loudness);
      return levels.length === count && levels.every((level) => level > 0.001) && Math.min(...levels);
    });
  }

  /** Nothing remains of a call: no connection open, no camera or microphone in use. */
  hasReleasedAll() {
    return this.until('end of connections and devices', () => this.page.evaluate(() =>
      window.connections.every(({ connectionState }) => connectionState === 'closed') &&
      window.streams.every((stream) => stream.getTracks().every(({ readyState }) => readyState === 'ended'))));
  }
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const textOf = async (locator) => ((await locator.count()) > 0 ? (await locator.first().textContent()) ?? '' : '');

/** Runs in the page before anything of it: keeps what the driver wants to ask later. */
function keepConnections() {
  window.connections = [];
  window.streams = [];
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(...options) {
      super(...options);
      window.connections.push(this);
    }
  };
  const devices = navigator.mediaDevices;
  const ask = devices?.getUserMedia?.bind(devices);
  if (ask) devices.getUserMedia = async (wishes) => {
    const stream = await ask(wishes);
    window.streams.push(stream);
    return stream;
  };
}

/** Runs in the page: the loudest root mean square that each remote stream which is shown has had when asked. */
async function loudness() {
  window.ears ??= { context: new AudioContext(), analysers: new Map(), loudest: new Map() };
  const { context, analysers, loudest } = window.ears;
  const streams = [...document.querySelectorAll('.tile video')].map((video) => video.srcObject).filter((stream) => stream?.getAudioTracks().length > 0);
  return streams.map((stream) => {
    if (!analysers.has(stream)) {
      analysers.set(stream, context.createAnalyser());
      context.createMediaStreamSource(stream).connect(analysers.get(stream));
    }
    const samples = new Float32Array(analysers.get(stream).fftSize);
    analysers.get(stream).getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    loudest.set(stream, Math.max(level, loudest.get(stream) ?? 0));
    return loudest.get(stream);
  });
}
