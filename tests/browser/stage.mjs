// Owns what one scenario has at hand, and takes all of it down afterwards: a room nobody else uses, pages, proxies.

import { randomUUID } from 'node:crypto';
import { Peer } from './peer.mjs';
import { startProxy } from './proxy.mjs';

export class Stage {
  #browser;
  #pageUrl;
  #contexts = [];
  #proxies = [];

  constructor({ browser, pageUrl, signalingUrl, scenario }) {
    this.#browser = browser;
    this.#pageUrl = pageUrl;
    this.signalingUrl = signalingUrl;
    this.roomId = `browser-${scenario}-${randomUUID()}`;
  }

  async openPeer(name) {
    const context = await this.#browser.newContext();
    this.#contexts.push(context);
    return Peer.open(name, context, this.#pageUrl);
  }

  async openPeers(...names) {
    return Promise.all(names.map((name) => this.openPeer(name)));
  }

  async proxy() {
    const proxy = await startProxy(this.signalingUrl);
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
