// Owns the driver's view of one page with the client of src/web: opening it, asking it for calls, waiting for what it shows.
// One station is one page in one browser context.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { until } from './until.mjs';
import { Wire } from './wire.mjs';

/** A call is up in well under a second; a loaded machine may need longer, a working one never this long. */
const deadlineMs = 10_000;

export class Station {
  pageErrors = [];

  constructor(name, page) {
    this.name = name;
    this.page = page;
    this.wire = new Wire(page);
    page.on('pageerror', (error) => this.pageErrors.push(error.message));
  }

  static async open(name, context, url) {
    const station = new Station(name, await context.newPage());
    await station.page.goto(url);
    await station.isLoaded();
    return station;
  }

  isLoaded() {
    return this.until('page with the client', () => window.station !== undefined);
  }

  /** Makes a Suzu with these options, and waits for its seat. */
  async join(options) {
    await this.page.evaluate((options) => window.station.join(options), options);
    await this.isConnected();
  }

  isConnected() {
    return this.until('seat', () => window.suzu.state === 'connected');
  }

  /** Waits until exactly these others are there. */
  sees(...ids) {
    const wanted = ids.sort().join();
    return this.until(`room of ${wanted}`, (wanted) => [...window.suzu.peers.keys()].sort().join() === wanted, wanted);
  }

  calls(peerId) {
    return this.page.evaluate((peerId) => window.station.call(peerId), peerId);
  }

  /** Waits for a call of this peer. */
  rings(peerId) {
    return this.until(`call of ${peerId}`, (peerId) => window.suzu.calls.get(peerId)?.isIncoming, peerId);
  }

  async accepts(peerId) {
    await this.rings(peerId);
    await this.page.evaluate((peerId) => window.station.accept(peerId), peerId);
  }

  hangsUp(peerId, reason) {
    return this.page.evaluate(([peerId, reason]) => window.suzu.calls.get(peerId).hangUp(reason), [peerId, reason]);
  }

  says(data, to) {
    return this.page.evaluate(([data, to]) => window.suzu.send(data, to), [data, to]);
  }

  /** All events with this name, oldest first. */
  events(name) {
    return this.page.evaluate((name) => window.station.events.filter((event) => event.name === name), name);
  }

  /** Waits for an event in which all of this is so, and gives it. */
  hasEvent(wanted, ms = deadlineMs) {
    const find = (wanted) => {
      const fits = (event) => Object.entries(wanted).every(([key, value]) => JSON.stringify(event[key]) === JSON.stringify(value));
      return window.station.events.find(fits);
    };
    return this.until(`event ${JSON.stringify(wanted)}`, find, wanted, ms);
  }

  /** Forgets the events so far. */
  forgetEvents() {
    return this.page.evaluate(() => void window.station.events.splice(0));
  }

  figures(peerId) {
    return this.page.evaluate((peerId) => window.station.figures(peerId), peerId);
  }

  /** Waits until more pictures and sound of this peer have come than now; resolves with the number of frames. */
  async hears(peerId) {
    const before = await this.figures(peerId);
    const goal = { peerId, frames: before.frames + 5, packets: before.packets + 10 };
    await this.until(
      `media of ${peerId} beyond ${JSON.stringify(before)}`,
      async ({ peerId, frames, packets }) => {
        const now = await window.station.figures(peerId);
        return now.state === 'in-call' && now.frames >= frames && now.packets >= packets;
      },
      goal,
    );
    return (await this.figures(peerId)).frames;
  }

  /** Waits until the call with this peer is over here. */
  async isOut(peerId, reason, byPeer) {
    await this.hasEvent({ name: 'call-ended', peerId, reason, byPeer });
    await this.until('no call', (peerId) => !window.suzu.calls.has(peerId), peerId);
    const connections = await this.page.evaluate(() => {
      const ended = window.station.calls.filter((call) => call.state === 'ended' && call.peerConnection);
      return ended.map((call) => call.peerConnection.signalingState);
    });
    assert.deepEqual(connections.filter((state) => state !== 'closed'), [], `${this.name}'s ended calls have closed their connections`);
  }

  /** Waits until the page finds `condition`, which may be async, true; resolves with its value. */
  until(what, condition, argument, ms = deadlineMs) {
    const look = () => this.page.evaluate(condition, argument);
    return until(`${what} for ${this.name}`, look, ms, () => this.#context());
  }

  async #context() {
    const page = await this.page.evaluate(() => ({
      state: window.suzu?.state,
      peers: [...(window.suzu?.peers.keys() ?? [])],
      calls: window.station?.calls.map((call) => {
        const { signalingState, connectionState } = call.peerConnection ?? {};
        return [call.peerId, call.state, signalingState, connectionState];
      }),
      events: window.station?.events.filter(({ name }) => name !== 'peers').slice(-12),
    }));
    return `page errors ${JSON.stringify(this.pageErrors)}, ${JSON.stringify(page)}, wire ${this.wire.summary()}`;
  }
}

/** Waits until both hear each other; resolves with the frame counts. */
export async function talk(first, second) {
  const frames = await Promise.all([first.hears(second.name), second.hears(first.name)]);
  return `frames ${frames.join('/')}`;
}

/** A call of the first to the second, accepted. */
export async function startCall(first, second) {
  await first.calls(second.name);
  await second.accepts(first.name);
  return talk(first, second);
}

export function noErrors(...stations) {
  for (const { name, pageErrors } of stations) assert.deepEqual(pageErrors, [], `${name}'s page errors`);
}

/** A seat without a page. */
export async function seatOf(stage, id, serverUrl = stage.serverUrl) {
  const socket = new WebSocket(`${serverUrl}/mesh`);
  socket.on('error', () => {});
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connect', room: stage.roomId, id }));
  await once(socket, 'message');
  return socket;
}
