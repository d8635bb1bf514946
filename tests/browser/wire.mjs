// Owns the record of what one page's WebSockets carried, as Chromium saw it, and waiting for something in it.

import { performance } from 'node:perf_hooks';

export class Wire {
  #waiting = new Set();

  /** Oldest first: `{ socket, direction: 'sent'|'received'|'closed', type?, message?, text?, at }`, `at` in ms. */
  entries = [];

  constructor(page) {
    let sockets = 0;
    page.on('websocket', (webSocket) => {
      const socket = ++sockets;
      webSocket.on('framesent', ({ payload }) => this.#add(socket, 'sent', payload));
      webSocket.on('framereceived', ({ payload }) => this.#add(socket, 'received', payload));
      webSocket.on('close', () => this.#add(socket, 'closed'));
    });
  }

  #add(socket, direction, payload) {
    const message = parsed(payload);
    this.entries.push({ socket, direction, type: message?.type, message, text: payload, at: performance.now() });
    for (const check of [...this.#waiting]) check();
  }

  /** Where the record ends now: pass it as `since` to see only what comes later. */
  mark() {
    return this.entries.length;
  }

  filter(direction, types, since = 0) {
    return this.entries.slice(since).filter((entry) => entry.direction === direction && types.includes(entry.type));
  }

  find(direction, type, since = 0) {
    return this.filter(direction, [type], since)[0];
  }

  /** The first truthy value of `look()`, asked now and after every new entry; fails after `deadlineMs`. */
  until(what, look, deadlineMs) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const value = look();
        if (!value) return;
        clearTimeout(deadline);
        this.#waiting.delete(check);
        resolve(value);
      };
      const deadline = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`no ${what} within ${deadlineMs} ms; the wire had ${this.summary()}`));
      }, deadlineMs);
      this.#waiting.add(check);
      check();
    });
  }

  receives(type, since, deadlineMs) {
    return this.until(`\`${type}\` from the server`, () => this.find('received', type, since), deadlineMs);
  }

  /** Like `1>register 1<accept 1>offer*12 1x`: socket number, direction, type, repeats. */
  summary() {
    const arrows = { sent: '>', received: '<', closed: 'x' };
    const runs = [];
    for (const { socket, direction, type } of this.entries) {
      const label = `${socket}${arrows[direction]}${type ?? ''}`;
      if (runs.at(-1)?.label === label) runs.at(-1).times += 1;
      else runs.push({ label, times: 1 });
    }
    return runs.map(({ label, times }) => (times === 1 ? label : `${label}*${times}`)).join(' ') || 'nothing';
  }
}

/** The message in a frame; undefined for one that is no JSON: the relay dialects carry anything. */
function parsed(payload) {
  try {
    return JSON.parse(String(payload));
  } catch {
    return undefined;
  }
}
