// Owns what one scenario has at hand, and takes all of it down afterwards: a room nobody else uses, pages, proxies.

import { randomUUID } from 'node:crypto';
import { Guest } from './guest.mjs';
import { Peer } from './peer.mjs';
import { startProxy } from './proxy.mjs';
import { startServer } from './server.mjs';
import { Station } from './station.mjs';

export class Stage {
  #browser;
  #pageUrl;
  #contexts = [];
  #proxies = [];
  #servers = [];

  constructor({ browser, pageUrl, serverUrl, scenario }) {
    this.#browser = browser;
    this.#pageUrl = pageUrl;
    this.serverUrl = serverUrl;
    this.signalingUrl = `${serverUrl}/signaling`;
    this.roomId = `browser-${scenario}-${randomUUID()}`;
  }

  async openPeer(name) {
    return Peer.open(name, await this.#context(), this.#pageUrl);
  }

  async openPeers(...names) {
    return Promise.all(names.map((name) => this.openPeer(name)));
  }

  /** A page with a client of the documentation; `wishes` are for its address besides, such as `{ id: 'ann' }`. */
  async openGuest(name, client, wishes = {}) {
    const url = new URL(`clients/${client}.html`, this.#pageUrl);
    url.search = new URLSearchParams({ server: this.serverUrl, room: this.roomId, ...wishes });
    return Guest.open(name, await this.#context(), url.href);
  }

  /** A page that is nowhere yet. */
  async openPage() {
    return (await this.#context()).newPage();
  }

  /** Where the pages under test are. */
  get pageUrl() {
    return this.#pageUrl;
  }

  /** A page with the client of src/web, without a seat yet. */
  async openStation(name) {
    return Station.open(name, await this.#context(), new URL('station', this.#pageUrl).href);
  }

  /** Pages with the client of src/web, all seated in the stage's room under their names. */
  async openStations(...names) {
    const stations = await Promise.all(names.map((name) => this.openStation(name)));
    for (const station of stations) await station.join(this.seat(station.name));
    for (const station of stations) await station.sees(...names.filter((name) => name !== station.name));
    return stations;
  }

  /** The options of a Suzu in the stage's room. */
  seat(id, serverUrl = this.serverUrl) {
    return { room: this.roomId, id, name: `The ${id}`, url: `${serverUrl.replace(/\/$/, '')}/mesh` };
  }

  /** A server of this scenario's own, which can be killed and started again on its port. */
  async server() {
    const server = await startServer();
    this.#servers.push(server);
    return server;
  }

  async #context() {
    const context = await this.#browser.newContext();
    this.#contexts.push(context);
    return context;
  }

  async proxy(url = this.signalingUrl) {
    const proxy = await startProxy(url);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** Two pages with the official SDK in a call, the first seated first. */
  async startCall(first, second, { secondUrl = this.signalingUrl, secondId } = {}) {
    await first.takeSeat(this.signalingUrl, this.roomId, { second: false });
    await second.takeSeat(secondUrl, this.roomId, { second: true, clientId: secondId });
  }

  async close() {
    for (const proxy of this.#proxies) proxy.close();
    await Promise.allSettled(this.#servers.map((server) => server.stop()));
    await Promise.allSettled(this.#contexts.map((context) => context.close()));
  }
}
