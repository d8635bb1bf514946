// Owns the driver's view of one page: opening it, asking it for a call, waiting for what it shows. One peer is one page
// in one browser context.

import assert from 'node:assert/strict';
import { until } from './until.mjs';
import { Wire } from './wire.mjs';

/** A call is up in well under a second; a loaded machine may need longer, a working one never this long. */
const callDeadlineMs = 10_000;

export class Peer {
  constructor(name, page, pageUrl) {
    this.name = name;
    this.page = page;
    this.pageUrl = pageUrl;
    this.wire = new Wire(page);
    this.pageErrors = [];
    page.on('pageerror', (error) => this.pageErrors.push(error.message));
  }

  static async open(name, context, pageUrl) {
    const peer = new Peer(name, await context.newPage(), pageUrl);
    await peer.page.goto(pageUrl);
    await peer.#ready();
    return peer;
  }

  async reload() {
    await this.page.reload();
    await this.#ready();
  }

  #ready() {
    return this.until('page with camera and microphone', () => window.client !== undefined);
  }

  /** Registers; resolves with the outcome the SDK reports and the server's `accept` or `reject` with its delay. */
  async register(signalingUrl, roomId, clientId) {
    const since = this.wire.mark();
    const answered = () => this.wire.filter('received', ['accept', 'reject'], since)[0];
    const [outcome, answer] = await Promise.all([
      this.page.evaluate((options) => window.client.connect(options), { signalingUrl, roomId, clientId }),
      this.wire.until(`accept or reject for ${this.name}`, answered, callDeadlineMs),
    ]);
    const asked = this.wire.find('sent', 'register', since);
    return { outcome, answer: answer.message, answerMs: Math.round(answer.at - asked.at) };
  }

  /** Registers and insists on a seat: `isExistUser` as given, the same in both of the accept's booleans. */
  async takeSeat(signalingUrl, roomId, { second, clientId }) {
    const { outcome, answer, answerMs } = await this.register(signalingUrl, roomId, clientId);
    assert.equal(answer.type, 'accept', `${this.name} got ${JSON.stringify(answer)}`);
    assert.equal(answer.isExistUser, second, `${this.name}'s accept.isExistUser`);
    assert.equal(answer.isExistClient, second, `${this.name}'s accept.isExistClient`);
    assert.equal(outcome, 'accepted', `${this.name}: what the SDK made of the accept`);
    return answerMs;
  }

  /** Leaves the way the SDK does; resolves with the milliseconds the closing handshake took. */
  disconnect() {
    return this.page.evaluate(() => window.client.disconnect());
  }

  /** Waits until the server has ended this side's seat because the other left: `bye`, then close 1000, in that order. */
  async isSentAway(since) {
    await this.wire.receives('bye', since, callDeadlineMs);
    await this.hasEvent('disconnect');
    const end = (await this.events()).filter(({ name }) => ['bye', 'socket-closed', 'disconnect'].includes(name));
    assert.deepEqual(end, [
      { name: 'bye' },
      { name: 'socket-closed', code: 1000, closeReason: '', wasClean: true },
      { name: 'disconnect', reason: 'WS-CLOSED' },
    ], `${this.name} is sent away by bye and close 1000, not by ${JSON.stringify(end)}`);
  }

  /** What the page was told about its present connection. */
  events() {
    return this.page.evaluate(() => window.client.events());
  }

  async hasEvent(name) {
    const told = (name) => window.client.events().some((event) => event.name === name);
    await this.until(`event ${name}`, told, name);
    return (await this.events()).find((event) => event.name === name);
  }

  framesDecoded() {
    return this.page.evaluate(() => window.client.framesDecoded());
  }

  async isConnected() {
    await this.until('connected call', () => {
      const { connection, ice } = window.client.state();
      return connection === 'connected' && (ice === 'connected' || ice === 'completed');
    });
  }

  /** Waits until the last candidate has been sent, after which the SDK sends nothing more in this call. */
  hasSentAll() {
    return this.until('end of gathering', () => window.client.state().gathering === 'complete');
  }

  /** Waits until more video frames have been decoded than now, by some margin; resolves with the new count. */
  async framesGrow(by = 3) {
    const before = await this.framesDecoded();
    await this.until(
      `decoded frames beyond ${before}`,
      async (goal) => (await window.client.framesDecoded()) >= goal,
      before + by,
    );
    return this.framesDecoded();
  }

  pictureIsNotBlack() {
    return this.until('picture that is not black', () => window.client.brightestPixel() > 64);
  }

  soundIsHeard() {
    return this.until('remote sound', () => window.client.loudestSample() > 0.01);
  }

  /** Waits until the page finds `condition`, which may be async, true. */
  async until(what, condition, argument) {
    const look = () => this.page.evaluate(condition, argument);
    await until(`${what} for ${this.name}`, look, callDeadlineMs, () => this.#context());
  }

  async #context() {
    const page = await this.page.evaluate(() => ({ state: window.client?.state(), events: window.client?.events() }));
    return `${JSON.stringify(page)}, page errors ${JSON.stringify(this.pageErrors)}, wire ${this.wire.summary()}`;
  }
}

/** Waits until both are in a call with each other, with moving pictures both ways; resolves with the frame counts. */
export async function inCall(...peers) {
  await Promise.all(peers.map((peer) => peer.isConnected()));
  const frames = await Promise.all(peers.map((peer) => peer.framesGrow()));
  return `frames ${frames.join('/')}`;
}
