// Owns the view of a call: a tile for each other station, the own picture in the corner, and the buttons.

import { avatar, make, nameOf } from './stations.js';
import { label, t } from './i18n.js';
import { canChooseSpeaker } from './devices.js';

const $ = (id) => document.getElementById(id);
/** A picture fills its tile unless that would cut more than this part of it away. */
const cutMost = 0.34;

/** @typedef {{toggleMic: () => void, toggleCamera: () => void, hangUp: () => void, talk: (isOn: boolean) => void, soundBlocked: () => void}} Acts */
export class CallView {
  #tiles = new Map();
  #talking = false;
  #fit = new ResizeObserver(() => this.#tiles.forEach((tile) => fit(tile)));

  /** @param {Acts} acts @param {object} settings */
  constructor(acts, settings) {
    Object.assign(this, { acts, settings });
    $('mic').addEventListener('click', () => acts.toggleMic());
    $('camera').addEventListener('click', () => acts.toggleCamera());
    $('hang-up').addEventListener('click', () => acts.hangUp());
    $('full').hidden = !document.documentElement.requestFullscreen;
    $('full').addEventListener('click', () => toggleFullScreen());
    document.addEventListener('fullscreenchange', () => nameFullScreen());
    this.#listenToTalk();
    this.#fit.observe($('tiles'));
  }

  /** The button, and the space bar wherever it does not press something else. */
  #listenToTalk() {
    const talk = $('talk');
    const set = (isOn) => {
      if (isOn === this.#talking || (isOn && talk.hidden)) return;
      this.#talking = isOn;
      talk.classList.toggle('is-on', isOn);
      talk.lastElementChild.textContent = t(isOn ? 'talking' : 'hold_to_talk');
      this.acts.talk(isOn);
    };
    talk.addEventListener('pointerdown', (event) => {
      talk.setPointerCapture(event.pointerId);
      set(true);
    });
    for (const event of ['pointerup', 'pointercancel', 'lostpointercapture']) talk.addEventListener(event, () => set(false));
    talk.addEventListener('contextmenu', (event) => event.preventDefault());
    window.addEventListener('keydown', (event) => {
      const isOurs = event.code === 'Space' || (event.code === 'Enter' && document.activeElement === talk);
      if (!isOurs || $('call').hidden || talk.hidden || pressesSomethingElse(event.target, talk)) return;
      event.preventDefault();
      set(true);
    });
    window.addEventListener('keyup', (event) => {
      if (!this.#talking || !['Space', 'Enter'].includes(event.code)) return;
      event.preventDefault();
      set(false);
    });
    window.addEventListener('blur', () => set(false));
    // A mouse or a finger leaves the focus behind, and the space bar is to talk after that.
    $('call').addEventListener('click', (event) => event.detail > 0 && event.target.closest('button')?.blur());
    this.endTalk = () => set(false);
  }

  /**
   * @param {object} what
   * @param {{id: string, name: string, stream: ?MediaStream, status: string, look: {mic: boolean, camera: boolean}}[]} what.members
   * @param {import('./devices.js').Devices} what.devices
   * @param {boolean} what.canAdd
   */
  show({ members, devices, canAdd }) {
    const names = members.map(({ name }) => name).join(', ');
    const title = t('call_with', { names });
    if ($('call-title').textContent !== title) $('call-title').textContent = title;
    for (const [id, tile] of this.#tiles) if (!members.some((member) => member.id === id)) this.#drop(id, tile);
    for (const member of members) this.#showTile(member);
    $('tiles').dataset.count = String(members.length);
    $('call-add').hidden = !canAdd;
    this.#showOwn(devices);
  }

  /** The call is over. */
  clear() {
    this.endTalk();
    for (const [id, tile] of this.#tiles) this.#drop(id, tile);
    $('self').srcObject = null;
    if (document.fullscreenElement && !this.settings.kiosk) document.exitFullscreen().catch(() => {});
  }

  #showOwn(devices) {
    const self = $('self');
    const note = $('call-note');
    if (self.srcObject !== devices.stream) self.srcObject = devices.stream;
    self.hidden = !devices.isCameraOn;
    note.hidden = !devices.problem;
    note.textContent = devices.problem ? t(`media_${devices.problem}`) : '';
    press($('mic'), devices.isMicOn || this.#talking, 'mic');
    press($('camera'), devices.isCameraOn, 'camera');
    $('mic').disabled = !devices.hasAudio;
    $('camera').disabled = ['denied', 'none', 'no_camera'].includes(devices.problem);
    $('talk').hidden = !devices.hasAudio || (devices.isMicOn && !this.#talking);
  }

  #showTile({ id, name, stream, status, look }) {
    const tile = this.#tiles.get(id) ?? this.#add(id, name);
    if (tile.video.srcObject !== stream) {
      tile.video.srcObject = stream;
      this.#play(tile.video);
    }
    const hasPicture = look.camera && (stream?.getVideoTracks().some((track) => !track.muted) ?? false);
    tile.video.classList.toggle('has-picture', hasPicture);
    tile.face.hidden = hasPicture;
    tile.status.textContent = status ? t(`tile_${status}`) : look.mic ? '' : t('tile_muted');
    tile.element.dataset.status = status;
  }

  #add(id, name) {
    const video = make('video');
    Object.assign(video, { autoplay: true, playsInline: true, volume: this.settings.volume / 100 });
    label(video, name);
    const face = make('div', 'face', avatar(name));
    const status = make('span', 'state');
    const element = make('figure', 'tile', video, face, make('figcaption', '', make('span', 'name', name), status));
    const tile = { element, video, face, status };
    video.addEventListener('resize', () => fit(tile));
    this.#setSpeaker(video);
    this.#tiles.set(id, tile);
    $('tiles').append(element);
    return tile;
  }

  #drop(id, { element, video }) {
    video.srcObject = null;
    element.remove();
    this.#tiles.delete(id);
  }

  /** Without a tap before, some browsers play a picture but no sound: then without sound, and somebody may tap. */
  #play(video) {
    video.play().catch((error) => {
      if (error.name !== 'NotAllowedError') return;
      video.muted = true;
      video.play().catch(() => {});
      this.acts.soundBlocked();
    });
  }

  /** Somebody has tapped. */
  unblock() {
    for (const { video } of this.#tiles.values()) {
      if (!video.muted) continue;
      video.muted = false;
      this.#play(video);
    }
  }

  applyOutput() {
    for (const { video } of this.#tiles.values()) {
      video.volume = this.settings.volume / 100;
      this.#setSpeaker(video);
    }
  }

  #setSpeaker(video) {
    if (canChooseSpeaker && (this.settings.speaker || video.sinkId)) video.setSinkId(this.settings.speaker).catch(() => {});
  }
}

/** One member as `show` wants it. */
export function memberOf(id, peer, call, look, isRung = false) {
  const status = isRung ? 'ringing' : !call || call.state === 'signaling' ? 'connecting' : call.state === 'ice' ? (call.wasUp ? 'weak' : 'connecting') : '';
  return { id, name: nameOf(peer ?? { id }), stream: call?.remoteStream ?? null, status, look };
}

function pressesSomethingElse(target, talk) {
  return target !== talk && Boolean(target.closest?.('button, a, input, select, textarea, dialog, [role=switch]'));
}

function press(button, isOn, what) {
  button.classList.toggle('is-off', !isOn);
  button.querySelector('use').setAttribute('href', `#i-${what}${isOn ? '' : '-off'}`);
  label(button, t(`${what}_${isOn ? 'on' : 'off'}`));
}

/** A picture of about the tile's shape fills it; of another one it is shown whole. */
function fit({ element, video }) {
  const { clientWidth: width, clientHeight: height } = element;
  if (!width || !height || !video.videoWidth) return;
  const ratio = (width / height) / (video.videoWidth / video.videoHeight);
  video.classList.toggle('is-whole', 1 - Math.min(ratio, 1 / ratio) > cutMost);
}

function toggleFullScreen() {
  const act = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  act.catch(() => {});
}

function nameFullScreen() {
  label($('full'), t(document.fullscreenElement ? 'full_screen_end' : 'full_screen'));
}
