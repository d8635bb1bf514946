// Owns what one scenario has at hand, and takes all of it down afterwards: a room nobody else uses, pages, proxies.

import { randomUUID } from 'node:crypto';
import { Guest } from './guest.mjs';
import { Peer } from './peer.mjs';
import { startProxy } from './proxy.mjs';

export class Stage {
  #browser;
  #pageUrl;
  #contexts = [];
  #proxies = [];

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
    await Promise.allSettled(this.#contexts.map((context) => context.close()));
  }
}
