// Owns who rings whom: a state machine without DOM, network, clock or timers. The page tells it what people do and what
// peers say; it answers with effects. The messages, `{ suzu: KIND, v: 1, .. }`, whose rules are in docs/intercom.md:
//
//   ring     { id, call, media: "video"|"audio", members: [who is in the call already] }   will you come?
//   ringing  { id }              the bell rings here
//   answer   { id }              yes
//   decline  { id, reason }      no: "declined", "busy", "dnd", "full", "no-answer"
//   cancel   { id, reason }      never mind: "cancelled", "no-answer", "full"
//   members  { call, members }   who is in the call, said to every member when the set has grown
//   leave    { call }            I am out

export const membersMost = 4;
const others = membersMost - 1;
/** How much longer than the caller the callee waits before it gives a silent caller up. */
const graceMs = 5_000;
/** How long somebody may be a member without sound or pictures arriving. */
const joinMs = 20_000;

const isId = (value) => typeof value === 'string' && value.length > 0 && value.length <= 64;
const mediaOf = (value) => (value === 'audio' ? 'audio' : 'video');
const reasons = ['declined', 'busy', 'dnd', 'full', 'no-answer', 'cancelled'];
const reasonOf = (value, otherwise) => (reasons.includes(value) ? value : otherwise);

/**
 * @typedef {{ do: 'send', to: string, data: object }
 *   | { do: 'missed', from: string, why: string }        a ring that was not answered here
 *   | { do: 'notice', about: string, what: string }      something to tell the person here
 *   | { do: 'leave', peer: string }                      end the media with this peer
 *   | { do: 'answered', from: string, auto: boolean }} Effect
 * @typedef {'idle'|'calling'|'ringing'|'in-call'} Phase
 */
export class Ringing {
  /** Own peer id, as the server knows it. */
  me = '';
  /** @type {null|{id: string, media: string, members: Map<string, {since: number, isUp: boolean}>, left: Set<string>, rings: Map<string, string>}} */
  call = null;
  /** Whom we ring. @type {Map<string, {id: string, at: number, rings: boolean}>} */
  outgoing = new Map();
  /** Who rings us. @type {null|{id: string, from: string, call: string, media: string, members: string[], at: number}} */
  incoming = null;

  /**
   * @param {object} options
   * @param {(effect: Effect) => void} options.emit
   * @param {() => string} options.newId a random id
   * @param {() => number} options.now milliseconds
   * @param {number} [options.noAnswerMs] how long we ring
   * @param {() => 'ring'|'answer'|'dnd'} [options.policy] what a ring does when we are free
   */
  constructor({ emit, newId, now, noAnswerMs = 30_000, policy = () => 'ring' }) {
    Object.assign(this, { emit, newId, now, noAnswerMs, policy });
  }

  /** @returns {Phase} */
  get phase() {
    if (this.incoming) return 'ringing';
    if (!this.call) return 'idle';
    return this.call.members.size > 0 ? 'in-call' : 'calling';
  }

  /** Whether one more could be rung now. */
  get hasRoom() {
    const free = others - (this.call?.members.size ?? 0) - this.outgoing.size;
    return this.phase === 'idle' || (this.phase === 'in-call' && free > 0);
  }

  // What the person here does.

  /** Rings a peer, or adds it to the call we are in. */
  ring(peer, media = 'video') {
    if (this.incoming?.from === peer) return this.answer(media);
    if (peer === this.me || this.outgoing.has(peer) || this.call?.members.has(peer)) return;
    if (!this.hasRoom) return this.phase === 'in-call' && this.#notice(peer, 'full');
    this.call ??= this.#newCall(this.newId(), mediaOf(media));
    const id = this.newId();
    this.outgoing.set(peer, { id, at: this.now(), rings: false });
    this.#send(peer, 'ring', { id, call: this.call.id, media: this.call.media, members: [...this.call.members.keys()] });
  }

  answer(media = this.incoming?.media, auto = false) {
    if (!this.incoming) return;
    const { id, from, call, members } = this.incoming;
    this.incoming = null;
    this.call = this.#newCall(call, mediaOf(media));
    this.#send(from, 'answer', { id });
    this.emit({ do: 'answered', from, auto });
    this.#join([from, ...members], id);
  }

  decline(reason = 'declined') {
    if (!this.incoming) return;
    const { id, from } = this.incoming;
    this.incoming = null;
    this.#send(from, 'decline', { id, reason });
  }

  /** Leaves the call, and takes back every ring. */
  hangUp() {
    for (const peer of [...this.outgoing.keys()]) this.#takeBack(peer, 'cancelled');
    for (const peer of [...(this.call?.members.keys() ?? [])]) this.lost(peer);
    this.#settle();
  }

  // What happens by itself.

  /** The peer's seat has ended. A call with it goes on for as long as its media do: `lost` tells when that is over. */
  gone(peer) {
    if (this.outgoing.delete(peer)) this.#notice(peer, 'gone');
    if (this.incoming?.from === peer) this.#miss('gone');
    this.#settle();
  }

  /** Media with this member have arrived. */
  joined(peer) {
    const member = this.call?.members.get(peer);
    if (member) member.isUp = true;
  }

  /** Media with this member are over. */
  lost(peer) {
    if (!this.call?.members.has(peer)) return;
    this.#send(peer, 'leave', { call: this.call.id });
    this.#remove(peer);
  }

  /** A member has another id now. */
  moved(peer, to) {
    const { members, rings } = this.call ?? {};
    if (!members?.has(peer)) return;
    members.set(to, members.get(peer));
    members.delete(peer);
    for (const [id, one] of rings) if (one === peer) rings.set(id, to);
  }

  /** When `tick` has something to do, or Infinity. */
  get nextAt() {
    const times = [...this.outgoing.values()].map(({ at }) => at + this.noAnswerMs);
    if (this.incoming) times.push(this.incoming.at + this.noAnswerMs + graceMs);
    for (const { since, isUp } of this.call?.members.values() ?? []) if (!isUp) times.push(since + joinMs);
    return Math.min(...times);
  }

  tick() {
    const now = this.now();
    for (const [peer, { at }] of [...this.outgoing]) {
      if (now < at + this.noAnswerMs) continue;
      this.#takeBack(peer, 'no-answer');
      this.#notice(peer, 'no-answer');
    }
    if (this.incoming && now >= this.incoming.at + this.noAnswerMs + graceMs) {
      const { id, from } = this.incoming;
      this.#send(from, 'decline', { id, reason: 'no-answer' });
      this.#miss('no-answer');
    }
    for (const [peer, { since, isUp }] of [...(this.call?.members ?? [])]) {
      if (isUp || now < since + joinMs) continue;
      this.#notice(peer, 'failed');
      this.lost(peer);
    }
    this.#settle();
  }

  // What peers say.

  /** @param {string} from @param {any} data anything at all @returns {boolean} whether it was one of ours */
  receive(from, data) {
    const take = Object.hasOwn(handlers, String(data?.suzu)) && handlers[data.suzu];
    if (!take || typeof data !== 'object' || !isId(from)) return false;
    const needed = ['members', 'leave'].includes(data.suzu) ? data.call : data.id;
    if (isId(needed)) take.call(this, from, data);
    return true;
  }

  onRing(from, data) {
    if (!isId(data.call)) return;
    const members = this.#peersIn(data.members).filter((id) => id !== from);
    const { id, call } = data;
    const ours = this.outgoing.get(from);
    if (ours) return this.#glare(from, ours, { id, call, members });
    // Somebody whose page was loaded again in mid-call knows nothing of that call any more.
    if (this.call?.members.has(from)) this.#drop(from);
    if (this.incoming?.from === from) this.incoming = null;
    if (this.call || this.incoming) return this.#refuse(from, id, 'busy');
    if (members.length + 1 > others) return this.#refuse(from, id, 'full');
    const policy = this.policy();
    if (policy === 'dnd') return this.#refuse(from, id, 'dnd');
    this.incoming = { id, from, call, media: mediaOf(data.media), members, at: this.now() };
    if (policy === 'answer') return this.answer(undefined, true);
    this.#send(from, 'ringing', { id });
  }

  #glare(from, ours, { id, call, members }) {
    const hasMembers = this.call.members.size > 0;
    if ((hasMembers && members.length > 0) || members.length + 1 > others) return this.#refuse(from, id, 'busy');
    this.outgoing.delete(from);
    if (members.length > 0 || (!hasMembers && call < this.call.id)) this.call.id = call;
    this.emit({ do: 'answered', from, auto: false });
    this.#join([from, ...members], id, ours.id);
  }

  onRinging(from, { id }) {
    const ours = this.outgoing.get(from);
    if (ours?.id === id) ours.rings = true;
  }

  onAnswer(from, { id }) {
    if (this.outgoing.get(from)?.id !== id) {
      // Its own side of a glare: both are in the call already.
      if (this.call?.rings.get(id) !== from) this.#send(from, 'cancel', { id, reason: 'cancelled' });
      return;
    }
    this.outgoing.delete(from);
    if (this.call.members.size >= others) return this.#send(from, 'cancel', { id, reason: 'full' });
    this.emit({ do: 'answered', from, auto: false });
    this.#join([from], id);
  }

  onDecline(from, { id, reason }) {
    if (this.outgoing.get(from)?.id !== id) return;
    this.outgoing.delete(from);
    this.#notice(from, reasonOf(reason, 'declined'));
    this.#settle();
  }

  onCancel(from, { id, reason }) {
    if (this.incoming?.id === id && this.incoming.from === from) this.#miss(reasonOf(reason, 'cancelled'));
    else if (this.call?.rings.get(id) === from) this.#drop(from, reason === 'full' ? 'full' : 'left');
  }

  onMembers(from, { call, members }) {
    if (this.call?.id !== call) return this.#send(from, 'leave', { call });
    if (!this.call.members.has(from)) return;
    this.#join(this.#peersIn(members).filter((id) => !this.call.left.has(id)));
  }

  onLeave(from, { call }) {
    if (this.call?.id === call && this.call.members.has(from)) this.#drop(from, 'left');
  }

  // The parts of it.

  #newCall(id, media) {
    return { id, media, members: new Map(), left: new Set(), rings: new Map() };
  }

  /** Takes peers into the call, as many as fit, and tells all members if there are more than the two of us. */
  #join(peers, ...ringIds) {
    const { members, left, rings } = this.call;
    const before = members.size;
    for (const id of ringIds) rings.set(id, peers[0]);
    for (const peer of peers) {
      if (members.has(peer) || members.size >= others) continue;
      left.delete(peer);
      members.set(peer, { since: this.now(), isUp: false });
    }
    if (members.size === before || members.size === 1) return;
    for (const peer of members.keys()) this.#send(peer, 'members', { call: this.call.id, members: [...members.keys()] });
  }

  #remove(peer) {
    const { members, left, rings } = this.call;
    members.delete(peer);
    left.add(peer);
    // Of two rings that met, the peer may know only one, and still ring.
    const ids = [...rings.keys()].filter((id) => rings.get(id) === peer);
    for (const id of ids) rings.delete(id);
    if (ids.length > 1) for (const id of ids) this.#send(peer, 'cancel', { id, reason: 'cancelled' });
    this.emit({ do: 'leave', peer });
    this.#settle();
  }

  #drop(peer, what) {
    this.#remove(peer);
    if (what) this.#notice(peer, what);
  }

  #takeBack(peer, reason) {
    const { id } = this.outgoing.get(peer);
    this.outgoing.delete(peer);
    this.#send(peer, 'cancel', { id, reason });
  }

  #refuse(from, id, reason) {
    this.#send(from, 'decline', { id, reason });
    this.emit({ do: 'missed', from, why: reason });
  }

  #miss(why) {
    const { from } = this.incoming;
    this.incoming = null;
    this.emit({ do: 'missed', from, why });
  }

  #settle() {
    if (this.call && this.call.members.size === 0 && this.outgoing.size === 0) this.call = null;
  }

  #notice(about, what) {
    this.emit({ do: 'notice', about, what });
  }

  #send(to, kind, fields) {
    this.emit({ do: 'send', to, data: { suzu: kind, v: 1, ...fields } });
  }

  #peersIn(list) {
    if (!Array.isArray(list)) return [];
    return [...new Set(list.slice(0, 16).filter((id) => isId(id) && id !== this.me))].slice(0, membersMost);
  }
}

const handlers = {
  ring: Ringing.prototype.onRing,
  ringing: Ringing.prototype.onRinging,
  answer: Ringing.prototype.onAnswer,
  decline: Ringing.prototype.onDecline,
  cancel: Ringing.prototype.onCancel,
  members: Ringing.prototype.onMembers,
  leave: Ringing.prototype.onLeave,
};
