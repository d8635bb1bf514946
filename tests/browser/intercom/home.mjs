// Owns what one scenario of the intercom has at hand, and takes all of it down afterwards: a room nobody else uses, tablets,
// proxies, a server of its own, and peers that are no intercoms.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { startProxy } from '../proxy.mjs';
import { serve } from '../serve.mjs';
import { startServer } from '../server.mjs';
import { Tablet } from './tablet.mjs';

export class Home {
  #browser;
  #closers = [];
  tablets = [];

  constructor({ browser, baseUrl, scenario }) {
    this.#browser = browser;
    this.baseUrl = baseUrl;
    this.room = `${scenario}-${randomUUID().slice(0, 8)}`;
  }

  /**
   * Opens the page. `query` goes into its address besides the room and the name.
   * @param {string} name @param {{query?: object, baseUrl?: string, path?: string, flags?: object, context?: object, prepare?: Function, noName?: boolean}} [wishes]
   */
  async open(name, { query = {}, baseUrl = this.baseUrl, path = '/', flags, context = {}, prepare, noName = false } = {}) {
    const browser = await this.#browser(flags);
    const opened = await browser.newContext({ locale: 'en-GB', ignoreHTTPSErrors: baseUrl.startsWith('https'), ...context });
    this.#closers.push(() => opened.close());
    const url = new URL(path, baseUrl);
    url.search = new URLSearchParams({ room: this.room, ...(noName ? {} : { name }), ...query });
    const tablet = new Tablet(name, await opened.newPage(), url.href);
    this.tablets.push(tablet);
    await tablet.open(prepare);
    return tablet;
  }

  /** Several, which all see each other. */
  async openAll(names, wishes = {}) {
    const tablets = [];
    for (const name of names) tablets.push(await this.open(name, wishes[name]));
    for (const tablet of tablets) for (const name of names) if (name !== tablet.name) await tablet.sees(name);
    return tablets;
  }

  /** Two in a call, the first having rung the second. */
  async openCall(first, second, wishes) {
    const [one, other] = await this.openAll([first, second], wishes);
    await one.ring(second);
    await other.answer(first);
    await Promise.all([one, other].map((tablet) => tablet.isInCall(1)));
    return [one, other];
  }

  async proxy(url = this.baseUrl) {
    const proxy = await startProxy(url);
    this.#closers.push(() => proxy.close());
    return { ...proxy, url: proxy.url.replace(/\/$/, '') };
  }

  /** A server that can be killed and started again, and the address of the page on it. */
  async ownServer() {
    const server = await startServer();
    this.#closers.push(() => server.stop());
    const url = server.url.replace(/^ws/, 'http');
    const page = await fetch(`${url}/`).then((response) => response.text());
    if (page.includes('intercom.js')) return { server, baseUrl: url };
    const web = await serve(url);
    this.#closers.push(() => web.close());
    return { server, baseUrl: web.url };
  }

  /** A seat in the room that says what it likes. */
  async guest(fields = {}) {
    const socket = new WebSocket(`${this.baseUrl.replace(/^http/, 'ws')}/mesh`, { rejectUnauthorized: false });
    this.#closers.push(() => socket.terminate());
    const received = [];
    const connected = new Promise((resolve, reject) => {
      socket.on('message', (text) => {
        const message = JSON.parse(text);
        received.push(message);
        if (message.type === 'ping') socket.send('{"type":"pong"}');
        if (message.type === 'connected') resolve(message);
        if (message.type === 'error') reject(new Error(message.message));
      });
      socket.on('error', reject);
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connect', room: this.room, ...fields })));
    const { id, peers } = await connected;
    const say = (data, to) => socket.send(JSON.stringify({ type: 'message', data, ...(to && { to }) }));
    return { id, peers, received, say, send: (frame) => socket.send(JSON.stringify(frame)), close: () => socket.terminate() };
  }

  /** No page threw anything or was refused something by its policy. */
  assertNoErrors() {
    for (const { name, errors } of this.tablets) assert.deepEqual(errors, [], `errors on the page of ${name}`);
  }

  async close() {
    await Promise.allSettled(this.#closers.map((close) => close()));
  }
}
