// Owns a page's seat in a room of suzu's mesh dialect: connecting, staying connected, who else is there, and messages. The
// calls themselves are in suzu-call.js. docs/client.md shows how to use it.

import { Call, idOf } from './suzu-call.js';
import { Socket } from './suzu-socket.js';

/**
 * @typedef {object} Options
 * @property {string} room The room; everybody in it sees everybody else.
 * @property {string} [id] This page's id in the room (1 to 64 of A-Z a-z 0-9 . _ -). Absent, the server gives one.
 * @property {string} [name] A name for people to read.
 * @property {string} [token] What the server asks for, if it asks for something.
 * @property {*} [meta] Anything else that the others should know, up to 1 KiB of JSON.
 * @property {string} [url] The server; by default `/mesh` where the page came from.
 * @property {RTCIceServer[]} [iceServers] STUN and TURN servers; by default what the server says, else none.
 * @property {?Storage} [storage] Where the seat is kept for a reload of the page; sessionStorage by default, null for nowhere.
 *
 * @typedef {{id: string, name?: string, meta?: *}} Peer Somebody else in the room. What it says about itself is not to be trusted.
 * @typedef {{code: number, reason: string, at: number}} Close How a socket ended, and when (`Date.now()`).
 */

/** Who is replaced in its seat so soon after it took it, or again within this time, was the copy. */
const copiedMs = 10_000;
const replacedMs = 300_000;
/** How many messages wait for a connection, and how many ended calls are remembered. */
const queueMost = 100;
const endedMost = 64;

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const ignored = (what, why = '') => console.debug('suzu: ignored', what, why);

/**
 * A seat in a room. Events, each a CustomEvent with this `detail`:
 * - `state` `{state, close}`: `close` says how the socket ended, null otherwise
 * - `peers` `{}`: `peers` has changed in any way
 * - `peer-connected` `{peer}` and `peer-disconnected` `{peer, reason}`
 * - `message` `{from, data}`
 * - `call` `{call}`: somebody calls; `accept` or `reject` it
 * - `error` `{code, message, to}`: the server refused something
 */
export class Suzu extends EventTarget {
  /** This page's id in the room; undefined until the server has given one. @type {string|undefined} */
  id;
  /** @type {string|undefined} */
  name;
  /** @type {string} */
  room;
  /** Who else is there, by id. @type {Map<string, Peer>} */
  peers = new Map();
  /** The calls that have not ended, by the peer's id. @type {Map<string, Call>} */
  calls = new Map();
  /** How the last socket ended. @type {?Close} */
  lastClose = null;

  #options;
  #storageKey;
  #socket;
  #state = 'disconnected';
  /** The secret that gets our seat back. */
  #session;
  #replacedAt = -Infinity;
  /** The id that our calls know us by. */
  #seatedAs;
  /** Messages for the time when we are connected again. */
  #queue = [];
  /** The peers' ids of calls that have ended: of those, something may still be under way. */
  #ended = new Set();
  #serversIce = [];

  /** @param {Options} options */
  constructor(options) {
    super();
    if (typeof options?.room !== 'string' || options.room === '') throw new TypeError('room is missing');
    const url = new URL(options.url ?? '/mesh', location.href);
    if (url.protocol.startsWith('http')) url.protocol = url.protocol.replace('http', 'ws');
    this.#options = { storage: ownStorage(), ...options };
    this.#socket = new Socket(url.href, {
      opened: () => this.#askForSeat(),
      received: (message) => this.#receive(message),
      lost: (close) => this.#lost(close),
      networkChanged: () => this.calls.forEach((call) => call.restartIce()),
      // A call does not survive the page, but the seat may: it waits for whoever knows the secret.
      pageHidden: () => this.#hangUpAll('page closed'),
    });
    this.room = options.room;
    this.name = options.name;
    this.id = options.id;
    this.#storageKey = `suzu seat ${url.href} ${options.room} ${options.id ?? ''}`;
    const stored = this.#stored();
    if (stored && (options.id ?? stored.id) === stored.id) ({ id: this.id, session: this.#session } = stored);
  }

  /** @returns {'disconnected'|'connecting'|'connected'} */
  get state() {
    return this.#state;
  }

  /** Takes the seat, and takes it again for as long as `disconnect` is not called. */
  connect() {
    if (this.#socket.isStarted) return;
    this.#socket.start();
    this.#setState('connecting');
  }

  /** Leaves for good: ends all calls, tells the others, and stops everything that this object does. */
  disconnect() {
    if (!this.#socket.isStarted) return;
    this.#hangUpAll('left');
    if (this.#socket.isSeated) this.#socket.send({ type: 'disconnect' });
    this.#socket.stop();
    this.#keepSession(undefined);
    this.#queue = [];
    this.peers.clear();
    this.#setState('disconnected');
    this.#emit('peers', {});
  }

  /**
   * Sends anything that JSON can hold to one peer, or without `to` to everybody else in the room. While not connected it waits,
   * up to 100 messages. What was sent just before a connection broke may be lost.
   * @returns {boolean} false if it was dropped
   */
  send(data, to) {
    const message = { type: 'message', to, data: data ?? null };
    if (this.#socket.isSeated && this.#socket.send(message)) return true;
    if (!this.#socket.isStarted || this.#queue.length >= queueMost) return false;
    this.#queue.push(message);
    return true;
  }

  /** The time to the server and back, in milliseconds. Rejects if the connection is or gets lost. @returns {Promise<number>} */
  ping() {
    return this.#socket.ping();
  }

  /**
   * Calls a peer; where there is a call with it already, gives that one (and accepts it if it is incoming).
   * @param {string} peerId
   * @param {{stream?: ?MediaStream}} [what] What to send; null only receives.
   * @returns {Call}
   */
  call(peerId, { stream = null } = {}) {
    const present = this.calls.get(peerId);
    present?.accept({ stream });
    return present ?? this.#newCall(peerId, { stream });
  }

  // The seat

  #askForSeat() {
    const { room, name, meta, token } = this.#options;
    this.#socket.send({ type: 'connect', room, id: this.id, name, meta, token, session: this.#session });
  }

  #lost({ code, reason }) {
    this.lastClose = { code, reason, at: Date.now() };
    if (this.#state === 'connected' && code === 1000) this.#replaced();
    this.#setState('connecting', this.lastClose);
  }

  /**
   * The server let us go although we did not leave: either we were asleep, or somebody else took our seat with our secret, which
   * is in every copy of this tab. Who seems to be the copy gives in; else both would take it from each other for ever.
   */
  #replaced() {
    const now = performance.now();
    const isCopy = now - this.#socket.seatedAt < copiedMs || now - this.#replacedAt < replacedMs;
    this.#replacedAt = now;
    if (isCopy) this.#giveUpSeat();
  }

  #giveUpSeat() {
    this.#keepSession(undefined);
    this.id = this.#options.id;
  }

  #receive(message) {
    switch (message.type) {
      case 'connected': return this.#takeSeat(message);
      case 'peer-connected': return this.#peerConnected(message.peer);
      case 'peer-disconnected': return this.#peerDisconnected(message.peer, message.reason);
      case 'offer':
      case 'answer':
      case 'ice-candidate': return this.#signal(message);
      case 'message': return this.#message(message);
      case 'error': return this.#error(message);
      default: ignored(message.type);
    }
  }

  #takeSeat({ id, session, peers, iceServers }) {
    if (typeof id !== 'string' || typeof session !== 'string' || !Array.isArray(peers)) return ignored('connected');
    this.#socket.seated();
    const hasMoved = this.#seatedAs !== undefined && this.#seatedAs !== id;
    this.id = this.#seatedAs = id;
    this.#keepSession(session);
    if (Array.isArray(iceServers)) this.#serversIce = iceServers;
    // Resumed or not, this is who is there now. Queued news that follow may repeat it, never contradict it in the end.
    const before = this.peers;
    this.peers = new Map(peers.map(asPeer).filter(Boolean).map((peer) => [peer.id, peer]));
    const { peers: now } = this;
    this.#setState('connected');
    for (const peer of before.values()) if (!now.has(peer.id)) this.#emit('peer-disconnected', { peer, reason: 'lost' });
    for (const peer of now.values()) if (!before.has(peer.id)) this.#emit('peer-connected', { peer });
    this.#emit('peers', {});
    if (!this.#socket.isSeated) return; // a listener has called disconnect
    for (const message of this.#queue.splice(0)) this.#socket.send(message);
    for (const call of this.calls.values()) call.reconnected(hasMoved);
  }

  #peerConnected(description) {
    const peer = asPeer(description);
    if (!peer || peer.id === this.id) return ignored('peer-connected');
    const isNew = !this.peers.has(peer.id);
    this.peers.set(peer.id, peer);
    if (isNew) this.#emit('peer-connected', { peer });
    this.#emit('peers', {});
    this.calls.get(peer.id)?.reconnected(false);
  }

  #peerDisconnected(description, reason) {
    const id = asPeer(description)?.id;
    const peer = this.peers.get(id);
    this.peers.delete(id);
    this.calls.get(id)?.peerLeft(asText(reason));
    if (!peer) return;
    this.#emit('peer-disconnected', { peer, reason: asText(reason) });
    this.#emit('peers', {});
  }

  #message({ from, data }) {
    if (typeof from !== 'string') return ignored('a message from nobody');
    if (!isObject(data) || !['hang-up', 'moved'].includes(data.suzu)) return this.#emit('message', { from, data });
    const call = this.#callOf(from, idOf(data), data.re);
    if (data.suzu === 'hang-up') call?.hungUp(asText(data.reason) || 'hang-up', data);
  }

  #error({ code, message, to }) {
    const isRefusal = !this.#socket.isSeated;
    const isTaken = isRefusal && code === 'id-taken';
    // The seat is somebody else's: what we remember of it is worth nothing. An id that nobody asked for may be another one.
    if (isTaken) this.#giveUpSeat();
    const isSolved = isTaken && this.#options.id === undefined;
    if (!isSolved) this.#emit('error', { code: asText(code), message: asText(message), to: asText(to) || undefined });
    if (isRefusal && this.#socket.isStarted) this.#socket.lose(1008, asText(code), !isTaken);
    else if (code === 'unknown-peer') this.calls.get(to)?.peerLeft(code);
  }

  // Calls

  /**
   * The call that a message of a peer belongs to. Each side of a call has a random id: `call` is the sender's, `re` the receiver's as
   * far as the sender knows it. They tell messages of a former call from those of the present one, and know a peer again whose
   * own id has changed.
   */
  #callOf(from, theirs, ours) {
    const present = this.calls.get(from);
    if (ours === undefined || ours === present?.id) return present;
    const moved = [...this.calls.values()].find((call) => call.id === ours && call.peersId === theirs);
    if (moved) {
      present?.hungUp('replaced', {});
      this.calls.delete(moved.peerId);
      this.calls.set(from, moved);
      moved.peerId = from;
      this.#emit('peers', {});
      return moved;
    }
    // Theirs belongs to a call that has ended here, and so will end there.
    if (theirs !== undefined && present?.peersId === theirs) present.hungUp('gone', {});
    return undefined;
  }

  #signal(frame) {
    const { from, type, re } = frame;
    const theirs = idOf(frame);
    const isDescription = type !== 'ice-candidate';
    const isSound = isDescription
      ? isObject(frame.sdp) && frame.sdp.type === type && typeof frame.sdp.sdp === 'string'
      : isObject(frame.candidate);
    if (typeof from !== 'string' || from === this.id || !isSound) return ignored(type, 'malformed');
    let call = this.#callOf(from, theirs, re);
    if (call && theirs !== undefined && call.peersId !== undefined && theirs !== call.peersId) {
      // The peer has begun anew, its goodbye was lost.
      if (type !== 'offer') return ignored(type, 'of another call');
      call.hungUp('replaced', {});
      call = undefined;
    }
    if (!call && (type !== 'offer' || re !== undefined || this.#ended.has(theirs))) {
      if (isDescription && theirs !== undefined) this.send({ suzu: 'hang-up', reason: 'gone', re: theirs }, from);
      return ignored(type, 'of no call');
    }
    if (call) return call.handle(frame);
    call = this.#newCall(from, { offer: frame });
    this.#emit('call', { call });
  }

  #newCall(peerId, what) {
    const call = new Call({
      peerId,
      ...what,
      /** Only now: what cannot be sent is made again when it can. */
      signal: (message) => this.#socket.isSeated && this.#socket.send({ ...message, to: call.peerId }),
      /** Now or later. */
      tell: (data) => this.send(data, call.peerId),
      isPresent: () => this.peers.has(call.peerId),
      isReachable: () => this.#socket.isSeated && this.peers.has(call.peerId),
      isPolite: () => this.id < call.peerId,
      iceServers: this.#options.iceServers ?? this.#serversIce,
      ended: () => this.#forgetCall(call),
    });
    this.calls.set(peerId, call);
    return call;
  }

  #forgetCall(call) {
    if (this.calls.get(call.peerId) === call) this.calls.delete(call.peerId);
    if (call.peersId) this.#ended.add(call.peersId);
    if (this.#ended.size > endedMost) this.#ended.delete(this.#ended.values().next().value);
  }

  #hangUpAll(reason) {
    for (const call of [...this.calls.values()]) call.hangUp(reason);
  }

  // Small things

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #setState(state, close = null) {
    this.#state = state;
    this.#emit('state', { state, close });
  }

  #stored() {
    try {
      const { id, session } = JSON.parse(this.#options.storage.getItem(this.#storageKey));
      return typeof id === 'string' && typeof session === 'string' ? { id, session } : undefined;
    } catch {
      return undefined; // nothing there, or no storage
    }
  }

  #keepSession(session) {
    this.#session = session;
    try {
      if (session) this.#options.storage.setItem(this.#storageKey, JSON.stringify({ id: this.id, session }));
      else this.#options.storage.removeItem(this.#storageKey);
    } catch {
      // No storage, or it is full: then a reload takes a new seat.
    }
  }
}

/** The storage of this tab, if the browser allows any. */
function ownStorage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** A text from elsewhere, of a length to be shown. */
function asText(value) {
  return typeof value === 'string' ? value.slice(0, 256) : '';
}

/** @returns {Peer|undefined} */
function asPeer(value) {
  if (!isObject(value) || typeof value.id !== 'string') return undefined;
  const { id, name, meta } = value;
  return { id, ...(typeof name === 'string' && { name: asText(name) }), ...(meta !== undefined && { meta }) };
}
