// Owns one call with one peer: its RTCPeerConnection, the negotiation of it ("perfect negotiation", W3C WebRTC section 10.7),
// and when it is over. suzu.js makes these, and gives them what the peer sends.

/** How long a connection may be interrupted before ICE is restarted, and between two restarts. */
const disconnectedMsMost = 3_000;
const restartMs = 5_000;
/** How long an offer waits for its answer before it is sent again: either may have been lost with a socket. */
const answerMsMost = 5_000;
/** How long media may be interrupted before the call is over; less if the peer has no seat any more. */
const downMsMost = 30_000;
const goneMsMost = 15_000;
/** How often all this is looked at. */
const tickMs = 1_000;
const earlyMost = 200;

const kinds = ['audio', 'video'];
const hex = (byte) => byte.toString(16).padStart(2, '0');
/** Not `crypto.randomUUID`, which pages without https do not have. */
const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), hex).join('');

/**
 * A call. Of the stream that is sent, the first audio and the first video track are used; its tracks are never stopped here.
 * Events, each a CustomEvent with this `detail`:
 * - `state` `{state}`
 * - `track` `{track, streams}`: the peer sends something new
 * - `ended` `{reason, byPeer}`
 */
export class Call extends EventTarget {
  /** Who the call is with. @type {string} */
  peerId;
  /** What the peer sends; tracks come and go. */
  remoteStream = new MediaStream();
  /** Whether the peer began it. @type {boolean} */
  isIncoming;
  /** This side's id for the call, and the peer's for its own side. @internal */
  id = randomId();
  /** @type {string|undefined} @internal */
  peersId;

  #link;
  #stream;
  /** The stream that ours is announced as, whatever it really is: so a swap of tracks needs no negotiation. */
  #announced = new MediaStream();
  #pc = null;
  #state = 'signaling';
  /** An incoming call's offer until it is accepted. */
  #offer;
  #polite;
  /** One thing at a time, in the order in which they came. */
  #last = Promise.resolve();
  #ignoreOffer = false;
  /** Negotiation is needed, and the peer cannot be reached now. */
  #isOfferDue = false;
  /** We have another id, and the peer has not heard of it. */
  #hasMoved = false;
  /** How many offers we have made, and the number of the peer's offer that we answered last. */
  #offers = 0;
  #answered;
  /** Candidates that came before the description that they belong to. */
  #early = [];
  #timer;
  #sentAt = 0;
  #restartedAt = -Infinity;
  /** Since when the peer has no seat, media does not flow, ICE is interrupted. */
  #goneSince;
  #downSince;
  #interruptedSince;

  /** @internal */
  constructor({ peerId, stream = null, offer, ...link }) {
    super();
    this.peerId = peerId;
    this.isIncoming = offer !== undefined;
    this.#link = link;
    this.#stream = stream;
    this.#offer = offer;
    if (offer) {
      this.peersId = idOf(offer);
    } else {
      this.#pc = this.#newConnection();
      this.#enqueue(() => this.#attach(kinds));
    }
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /**
   * `signaling` until both sides have agreed, `ice` until media can flow, and again when it cannot.
   * @returns {'signaling'|'ice'|'in-call'|'ended'}
   */
  get state() {
    return this.#state;
  }

  /**
   * Null for an incoming call that is not accepted yet. Another one after both have called at once.
   * @returns {?RTCPeerConnection}
   */
  get peerConnection() {
    return this.#pc;
  }

  /** Answers an incoming call. @param {{stream?: ?MediaStream}} [what] What to send; null only receives. */
  accept({ stream = null } = {}) {
    if (this.#pc || this.#state === 'ended') return;
    this.#stream = stream;
    this.#pc = this.#newConnection();
    const offer = this.#offer;
    this.#offer = undefined;
    this.#enqueue(async () => {
      try {
        await this.#takeOffer(offer);
      } catch (error) {
        console.debug('suzu: bad offer', error);
        this.hangUp('bad offer');
      }
    });
  }

  /** Refuses an incoming call. @param {string} [reason] For the peer. */
  reject(reason = 'rejected') {
    this.hangUp(reason);
  }

  /** Ends the call. @param {string} [reason] For the peer. */
  hangUp(reason = 'hang-up') {
    if (this.#state === 'ended') return;
    this.#link.tell({ suzu: 'hang-up', reason, call: this.id, re: this.peersId });
    this.#end(reason, false);
  }

  /** Sends other tracks, or with null none. @param {?MediaStream} stream */
  setStream(stream) {
    this.#stream = stream;
    return this.#enqueue(() => this.#pc && this.#attach());
  }

  /** Looks for a new way through the network; media goes on meanwhile if it can. */
  restartIce() {
    if (!this.#pc?.currentRemoteDescription || this.#state === 'ended') return;
    this.#restartedAt = performance.now();
    this.#pc.restartIce();
  }

  // For suzu.js

  /** Takes a message of the peer's side of this call. @internal */
  handle(frame) {
    this.peersId ??= idOf(frame);
    if (frame.type === 'offer' && !this.#pc) {
      this.#offer = frame; // the same again, with more candidates
      return;
    }
    this.#enqueue(() => {
      if (frame.type === 'offer') return this.#takeOffer(frame);
      if (frame.type === 'answer') return this.#takeAnswer(frame);
      return this.#takeCandidate(frame.candidate);
    });
  }

  /** The peer has hung up. @internal */
  hungUp(reason, { re, call }) {
    // It took back a call of its own, and had not heard yet of ours: ours goes on.
    if (re === undefined && call !== undefined && !this.isIncoming && this.#pc?.signalingState === 'have-local-offer') {
      this.peersId = undefined;
      return;
    }
    if (call === undefined || this.peersId === undefined || call === this.peersId) this.#end(reason, true);
  }

  /** The peer has lost its seat. A call in which media flows goes on for as long as it does. @internal */
  peerLeft(reason) {
    if (!this.#pc?.currentRemoteDescription) this.#end(reason, true);
    else this.#tick();
  }

  /** Both we and perhaps the peer are in the room again. @internal */
  reconnected(hasMoved) {
    this.#hasMoved ||= hasMoved;
    // Once the peer is there: media may flow all the while, and then nothing else would tell it.
    if (this.#hasMoved && this.peersId && this.#link.isReachable()) {
      this.#hasMoved = false;
      this.#link.tell({ suzu: 'moved', call: this.id, re: this.peersId });
    }
    this.#enqueue(async () => {
      if (!this.#pc || !this.#link.isReachable()) return;
      if (this.#isOfferDue) return this.#negotiate();
      if (this.#pc.signalingState === 'have-local-offer') this.#sendDescription();
      else if (this.#pc.connectionState !== 'connected') this.restartIce();
    });
  }

  // Negotiation

  #newConnection() {
    const pc = new RTCPeerConnection({ iceServers: this.#link.iceServers, bundlePolicy: 'max-bundle' });
    pc.onnegotiationneeded = () => this.#enqueue(() => this.#negotiate());
    pc.onicecandidate = ({ candidate }) => candidate && this.#signal({ type: 'ice-candidate', candidate });
    pc.onconnectionstatechange = () => this.#tick();
    pc.ontrack = ({ track }) => {
      this.remoteStream.addTrack(track);
      this.#emit('track', { track, streams: [this.remoteStream] });
    };
    return pc;
  }

  async #negotiate() {
    // In the middle of a negotiation the browser asks again after it.
    if (this.#pc.signalingState !== 'stable') return;
    this.#isOfferDue = !this.#link.isReachable();
    if (this.#isOfferDue) return;
    this.#polite ??= this.#link.isPolite();
    await this.#pc.setLocalDescription();
    this.#offers += 1;
    this.#sendDescription();
  }

  async #takeOffer(frame) {
    const collides = this.#pc.signalingState !== 'stable';
    if (frame.n !== undefined && frame.n === this.#answered && !collides) {
      if (this.#pc.localDescription.type === 'answer') this.#sendDescription(); // our answer was lost
      return;
    }
    this.#polite ??= this.#link.isPolite();
    this.#ignoreOffer = collides && !this.#polite;
    if (this.#ignoreOffer) return;
    if (collides && !this.#pc.currentRemoteDescription) await this.#yieldTo(frame.sdp);
    else await this.#pc.setRemoteDescription(frame.sdp);
    this.#answered = frame.n;
    this.#isOfferDue = false; // the browser asks again if it still is
    await this.#attach();
    await this.#pc.setLocalDescription();
    this.#sendDescription();
    await this.#settle();
  }

  /**
   * Both have called at once, and our offer is the one to go. setRemoteDescription would take it back by itself, but leave the
   * transceivers that we made for it beside those of the peer's offer. Nothing has happened on this connection yet, so it
   * goes, too.
   */
  async #yieldTo(sdp) {
    const pc = this.#newConnection();
    await pc.setRemoteDescription(sdp).then(() => close(this.#state === 'ended' ? pc : this.#pc), (error) => {
      close(pc); // nonsense: ours stays
      throw error;
    });
    this.#pc = pc;
  }

  async #takeAnswer(frame) {
    const isDue = this.#pc?.signalingState === 'have-local-offer' && (frame.n === undefined || frame.n === this.#offers);
    if (!isDue) return;
    this.#ignoreOffer = false;
    await this.#pc.setRemoteDescription(frame.sdp);
    await this.#settle();
  }

  async #takeCandidate(candidate) {
    if (this.#ignoreOffer) return;
    if (this.#pc?.remoteDescription) await this.#pc.addIceCandidate(candidate);
    else if (this.#early.length < earlyMost) this.#early.push(candidate);
  }

  /** A negotiation is complete. */
  async #settle() {
    for (const transceiver of this.#pc.getTransceivers()) {
      const receives = ['sendrecv', 'recvonly'].includes(transceiver.currentDirection);
      if (!receives) this.remoteStream.removeTrack(transceiver.receiver.track);
    }
    this.#tick();
    for (const candidate of this.#early.splice(0)) {
      await this.#pc.addIceCandidate(candidate).catch((error) => console.debug('suzu: ignored a candidate', error));
    }
  }

  /**
   * Puts our tracks in place. There is one transceiver for sound and one for pictures, each used in both directions; of the
   * `wanted` kinds even if we have nothing to send.
   */
  async #attach(wanted = []) {
    const pc = this.#pc;
    for (const kind of kinds) {
      const track = this.#stream?.getTracks().find((track) => track.kind === kind) ?? null;
      const direction = track ? 'sendrecv' : 'recvonly';
      const isOfKind = ({ receiver, direction }) => receiver.track.kind === kind && direction !== 'stopped';
      const present = pc.getTransceivers().find(isOfKind);
      if (present) {
        if (present.sender.track !== track) await present.sender.replaceTrack(track);
        if (track) present.sender.setStreams?.(this.#announced);
        if (present.direction !== direction) present.direction = direction;
      } else if (track || wanted.includes(kind)) {
        pc.addTransceiver(track ?? kind, { direction, streams: [this.#announced] });
      }
    }
  }

  #sendDescription() {
    const { type, sdp } = this.#pc.localDescription;
    this.#sentAt = performance.now();
    this.#signal({ type, sdp: { type, sdp }, n: type === 'offer' ? this.#offers : this.#answered });
  }

  #signal(message) {
    this.#link.signal({ ...message, call: this.id, re: this.peersId });
  }

  #enqueue(task) {
    const run = async () => {
      if (this.#state === 'ended') return;
      try {
        await task();
      } catch (error) {
        console.debug('suzu: ignored', error);
      }
    };
    this.#last = this.#last.then(run);
    return this.#last;
  }

  // Time

  /** Looks at everything that depends on time; also called when the connection's state has changed. */
  #tick() {
    if (this.#state === 'ended') return;
    const now = performance.now();
    const since = (is, before) => (is ? before ?? now : undefined);
    const pc = this.#pc;
    const connection = pc?.connectionState;
    const isUp = connection === 'connected';
    const isAgreed = Boolean(pc?.currentRemoteDescription);
    this.#goneSince = since(!this.#link.isPresent(), this.#goneSince);
    this.#downSince = since(isAgreed && !isUp, this.#downSince);
    this.#interruptedSince = since(connection === 'disconnected', this.#interruptedSince);
    this.#setState(isUp ? 'in-call' : isAgreed ? 'ice' : 'signaling');

    const isOver = (start, ms) => start !== undefined && now - start > ms;
    if (isOver(this.#downSince, downMsMost)) return this.hangUp('failed');
    const isGone = isOver(this.#goneSince, goneMsMost) && !isUp;
    if (isGone && (!isAgreed || isOver(this.#downSince, goneMsMost))) return this.#end('lost', true);
    if (!pc) return;
    const isBroken = connection === 'failed' || isOver(this.#interruptedSince, disconnectedMsMost);
    if (isBroken && isOver(this.#restartedAt, restartMs)) this.restartIce();
    const isUnanswered = pc.signalingState === 'have-local-offer' && isOver(this.#sentAt, answerMsMost);
    if (isUnanswered && this.#link.isReachable()) this.#sendDescription();
  }

  #end(reason, byPeer) {
    if (this.#state === 'ended') return;
    clearInterval(this.#timer);
    close(this.#pc);
    this.#offer = undefined;
    this.#early = [];
    this.#link.ended();
    this.#setState('ended');
    this.#emit('ended', { reason, byPeer });
  }

  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit('state', { state });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Closes a connection for good: nothing of it is heard any more. */
function close(pc) {
  if (!pc) return;
  pc.onnegotiationneeded = pc.onicecandidate = pc.onconnectionstatechange = pc.ontrack = null;
  pc.close();
}

/** The sender's id for its side of the call, if it gives one. */
export function idOf(frame) {
  return typeof frame.call === 'string' && frame.call.length <= 64 ? frame.call : undefined;
}
