// Owns the driver's view of one page with a client of the documentation: it types, and reads the page's log, as a person
// would. One guest is one page in one browser context.

import { until } from './until.mjs';
import { Wire } from './wire.mjs';

/** A working machine never takes this long for anything that is waited for here. */
const deadlineMs = 10_000;

export class Guest {
  pageErrors = [];

  constructor(name, page) {
    this.name = name;
    this.page = page;
    this.wire = new Wire(page);
    page.on('pageerror', (error) => this.pageErrors.push(error.message));
  }

  static async open(name, context, url) {
    const guest = new Guest(name, await context.newPage());
    await guest.page.goto(url);
    return guest;
  }

  /** Types a line and sends it. */
  async types(text) {
    await this.page.fill('input', text);
    await this.page.press('input', 'Enter');
  }

  async lines() {
    return (await this.page.textContent('#log')).split('\n').slice(0, -1);
  }

  /** Waits until the page has logged this line. */
  logs(line) {
    return this.until(`line ${JSON.stringify(line)}`, async () => (await this.lines()).includes(line));
  }

  until(what, look) {
    return until(`${what} for ${this.name}`, look, deadlineMs, () => this.#context());
  }

  async #context() {
    const shown = JSON.stringify((await this.lines()).slice(-20));
    return `log ${shown}, page errors ${JSON.stringify(this.pageErrors)}, wire ${this.wire.summary()}`;
  }
}
