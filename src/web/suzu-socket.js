// Owns a WebSocket that comes back: when to connect again, finding out that a socket is dead, and what of the page and its
// network concerns that. suzu.js says what goes through it.

/** The least and the greatest bound of a wait before connecting again: between them it is the time since the trouble began. */
const retryMs = 500;
const retryMsMost = 15_000;
/** The least wait after a refusal that only time can heal, such as a full room. */
const refusedMs = 15_000;
/** How long a socket may take from its start to a seat. */
const seatMsMost = 10_000;
/** After how much silence the server is asked whether it is there, and how long it may take to answer. */
const silenceMs = 5_000;
const answerMsMost = 5_000;
/** The same when there is a reason for doubt: the page was asleep, or the network has changed. */
const doubtMsMost = 2_000;
/** Reasons to connect at once may come in a flood: no attempt begins sooner than this after the one before. */
const betweenMs = 1_000;

/**
 * Talks to `owner`: `opened()`, `received(message)`, `lost({code, reason})`, `networkChanged()` and `pageHidden()`. The owner says
 * `seated()` when the server has accepted it.
 */
export class Socket {
  isSeated = false;
  seatedAt = -Infinity;

  #url;
  #owner;
  #socket = null;
  /** Ends all listeners on window, document and navigator; null while stopped. */
  #listening = null;
  #retryTimer;
  #watchdog;
  /** Since when there has been no connection that lasted, without the time of those that did not; null while all is well. */
  #troubleSince = null;
  #startedAt = -Infinity;
  /** Pings without a pong yet, oldest first: `{at, resolve?, reject?}`. */
  #pings = [];

  constructor(url, owner) {
    this.#url = url;
    this.#owner = owner;
  }

  get isStarted() {
    return this.#listening !== null;
  }

  /** Connects, and connects again for as long as `stop` is not called. */
  start() {
    this.#open();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    addEventListener('pageshow', () => this.#wake(), { signal });
    addEventListener('pagehide', () => this.#hide(), { signal });
    addEventListener('online', () => this.#networkChanged(), { signal });
    const isVisible = () => document.visibilityState === 'visible';
    document.addEventListener('visibilitychange', () => isVisible() && this.#wake(), { signal });
    // Only Chromium has it, and it also tells of every new estimate of the speed; the kind of network is what matters.
    const network = navigator.connection;
    let kind = network?.type;
    network?.addEventListener?.('change', () => {
      if (network.type !== kind) this.#networkChanged();
      kind = network.type;
    }, { signal });
  }

  stop() {
    this.#listening?.abort();
    this.#listening = null;
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#troubleSince = null;
  }

  /** @returns {boolean} whether there was a socket to send it by */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** @returns {Promise<number>} the milliseconds to the server and back */
  ping() {
    if (!this.isSeated) return Promise.reject(new Error('not connected'));
    return new Promise((resolve, reject) => this.#ping({ resolve, reject }));
  }

  /** The server has accepted us. */
  seated() {
    this.isSeated = true;
    this.seatedAt = performance.now();
    clearTimeout(this.#retryTimer);
    this.#expect(silenceMs, () => this.#probe(answerMsMost));
  }

  /** This socket is of no use any more: comes back, later if the server has refused us. */
  lose(code, reason, isRefused = false) {
    // What breaks again and again soon after it was made is not working, but for as long as it lasts the server is not away.
    const now = performance.now();
    const seatedMs = this.isSeated ? now - this.seatedAt : 0;
    if (seatedMs > retryMsMost) this.#troubleSince = null;
    this.#troubleSince = Math.min(now, (this.#troubleSince ?? now) + seatedMs);
    this.#drop();
    // All who have lost the same server must not come back in the same moment: anything from none to all of the time. Who waits no longer than
    // the server was away is back soon after it: by counting attempts, the one with the shortest waits would come last.
    const most = isRefused ? refusedMs : Math.min(retryMsMost, Math.max(retryMs, now - this.#troubleSince));
    this.#retryIn((isRefused ? refusedMs : 0) + Math.random() * most);
    this.#owner.lost({ code, reason });
  }

  #open() {
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#startedAt = performance.now();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.#owner.opened();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.lose(code, reason);
    this.#expect(seatMsMost, () => this.lose(1006, 'no seat in time'));
  }

  /** Forgets the socket at once: one whose network is gone takes a minute to close. */
  #drop() {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    this.isSeated = false;
    for (const { reject } of this.#pings.splice(0)) reject?.(new Error('connection lost'));
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #retryIn(ms) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#open(), ms);
  }

  /** Does `otherwise` if nothing has come from the server by then. */
  #expect(ms, otherwise) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(otherwise, ms);
  }

  #probe(ms) {
    this.#expect(ms, () => this.lose(1006, 'no answer from the server'));
    this.#ping({});
  }

  #ping(waiting) {
    this.#pings.push({ at: performance.now(), ...waiting });
    this.send({ type: 'ping' });
  }

  #receive(text) {
    if (this.isSeated) this.#expect(silenceMs, () => this.#probe(answerMsMost));
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return console.debug('suzu: ignored what is not JSON');
    }
    if (message?.type === 'ping') this.send({ type: 'pong' });
    else if (message?.type === 'pong') this.#pong();
    else if (typeof message?.type === 'string') this.#owner.received(message);
    else console.debug('suzu: ignored what has no type');
  }

  #pong() {
    const { at, resolve } = this.#pings.shift() ?? {};
    resolve?.(performance.now() - at);
  }

  /** Connects at once, or finds out at once whether we still are connected. */
  #wake() {
    const elapsed = performance.now() - this.#startedAt;
    if (this.isSeated) this.#probe(doubtMsMost);
    else if (!this.#socket || elapsed > silenceMs) this.#retryIn(Math.max(0, betweenMs - elapsed));
  }

  #networkChanged() {
    this.#troubleSince = null;
    this.#wake();
    this.#owner.networkChanged();
  }

  /** The page goes, or goes to sleep; `pageshow` tells when it wakes. A page with an open socket could not sleep at all. */
  #hide() {
    this.#owner.pageHidden();
    if (this.#socket) this.lose(1001, 'page hidden');
    // Nobody is away but this page.
    this.#troubleSince = null;
  }
}
