// Owns the media of a call: a WebRTC call with every member, begun by whichever of the two has the smaller id, and what
// members say about theirs: { "suzu": "media", "v": 1, "mic": true, "camera": true }.

/** How long a call waits for camera and microphone before it begins without; they follow when they are there. */
const devicesMs = 2_500;
/** How long an offer waits until we hear that its sender is in our call. */
const holdMs = 10_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Calls {
  /** The calls with members, by the member's id; null while one is being begun. @type {Map<string, ?import('./suzu-call.js').Call>} */
  #calls = new Map();
  /** Calls from peers who are not members, yet. */
  #held = new Map();
  #looks = new Map();
  #opened = Promise.resolve();

  /** @param {import('./suzu.js').Suzu} suzu @param {object} parts */
  constructor(suzu, { devices, ringing, changed }) {
    Object.assign(this, { suzu, devices, ringing, changed });
    suzu.addEventListener('call', ({ detail: { call } }) => this.#hold(call));
  }

  get(id) {
    return this.#calls.get(id) ?? null;
  }

  /** What a member says it sends. */
  lookOf(id) {
    return this.#looks.get(id) ?? { mic: true, camera: true };
  }

  /** @returns whether the message was about media */
  hear(from, data) {
    if (data?.suzu !== 'media') return false;
    if (this.#calls.has(from)) this.#looks.set(from, { mic: data.mic !== false, camera: data.camera !== false });
    return true;
  }

  tellLook(ids = this.#calls.keys()) {
    for (const id of ids) this.suzu.send({ suzu: 'media', v: 1, mic: this.devices.isMicOn, camera: this.devices.isCameraOn }, id);
  }

  /** Asks for camera and microphone; calls begun meanwhile wait for that, but not for ever: somebody has to allow it. */
  openDevices(withVideo, startMuted) {
    const opening = this.devices.open(withVideo).then((stream) => {
      if (startMuted) this.devices.isMicOn = false;
      this.replaceStream(stream);
      this.changed();
    });
    this.#opened = Promise.race([opening, pause(devicesMs)]);
  }

  replaceStream(stream) {
    for (const call of this.#calls.values()) call?.setStream(stream);
    this.tellLook();
  }

  /** Begins what is to be begun. */
  sync() {
    this.devices.share(this.ringing.call?.members.size ?? 1);
    for (const id of this.ringing.call?.members.keys() ?? []) {
      if (this.#calls.has(id)) continue;
      const held = this.#held.get(id);
      if (held) this.#begin(id, held);
      else if (this.suzu.id < id) this.#begin(id, null);
    }
  }

  async #begin(id, incoming) {
    this.#calls.set(id, null);
    this.#held.delete(id);
    await this.#opened;
    // Meanwhile it may be over.
    if (!this.ringing.call?.members.has(id) || this.#calls.get(id) !== null) return incoming?.reject('over');
    const { stream } = this.devices;
    const call = incoming ?? this.suzu.call(id, { stream });
    incoming?.accept({ stream });
    if (call.state === 'ended') return this.#lost(call);
    this.#calls.set(id, call);
    call.addEventListener('state', () => this.#state(call));
    call.addEventListener('track', ({ detail: { track } }) => this.#track(track));
    call.addEventListener('ended', () => this.#lost(call));
    this.tellLook([id]);
    this.#state(call);
  }

  #state(call) {
    if (call.state === 'in-call') {
      call.wasUp = true;
      this.ringing.joined(call.peerId);
    }
    this.changed();
  }

  #track(track) {
    track.onmute = track.onunmute = track.onended = () => this.changed();
    this.changed();
  }

  #lost(call) {
    const id = call.peerId;
    if (this.#calls.get(id) && this.#calls.get(id) !== call) return;
    this.#calls.delete(id);
    this.#looks.delete(id);
    this.ringing.lost(id);
    this.changed();
  }

  /** Somebody calls: a member is let in, and everybody else waits for a moment to be one. */
  #hold(call) {
    this.#held.set(call.peerId, call);
    call.addEventListener('ended', () => this.#held.get(call.peerId) === call && this.#held.delete(call.peerId));
    setTimeout(() => {
      if (this.#held.get(call.peerId) === call) call.reject('not in this call');
    }, holdMs);
    this.changed();
  }

  /** A member may come back from a lost seat under another id. */
  follow() {
    for (const [id, call] of [...this.#calls]) {
      if (!call || call.peerId === id) continue;
      this.#calls.delete(id);
      this.#calls.set(call.peerId, call);
      this.ringing.moved(id, call.peerId);
    }
  }

  end(id) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    this.#looks.delete(id);
    call?.hangUp();
  }

  endAll() {
    for (const id of [...this.#calls.keys()]) this.end(id);
  }
}
