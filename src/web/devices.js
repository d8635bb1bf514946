// Owns camera, microphone and speaker: asking for them, getting by with what there is, choosing others, and trying them out.

import { t, label } from './i18n.js';

/** By the number of others: each gets a picture encoded for it, and an old tablet has to manage three. */
const pictures = [960, 960, 640, 480].map((width) => ({ width: { ideal: width }, height: { ideal: (width * 9) / 16 }, frameRate: { max: 30 } }));

export class Devices {
  /** What is sent in the present call, or null. @type {?MediaStream} */
  stream = null;
  /** Why something is missing: '', 'denied', 'none', 'busy', 'no_camera' or 'no_mic'. */
  problem = '';
  #turn = 0;
  #others = 1;

  constructor(settings) {
    this.settings = settings;
  }

  /** Asks for the microphone and, if wished, the camera. What cannot be had is left out; null if nothing can. */
  async open(withVideo) {
    const turn = (this.#turn += 1);
    this.#stop();
    const { stream, problem } = await this.#ask(withVideo);
    if (turn !== this.#turn) {
      stream?.getTracks().forEach((track) => track.stop());
      return this.stream;
    }
    this.problem = problem;
    this.stream = stream;
    return stream;
  }

  close() {
    this.#turn += 1;
    this.#stop();
    this.problem = '';
  }

  /** @param {number} count how many others there are in the call */
  share(count) {
    const others = Math.max(1, Math.min(count, pictures.length - 1));
    if (others === this.#others) return;
    this.#others = others;
    for (const track of this.stream?.getVideoTracks() ?? []) track.applyConstraints(pictures[others]).catch(() => {});
  }

  #stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  }

  async #ask(withVideo) {
    const { mic, camera } = this.settings;
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(mic && { deviceId: { ideal: mic } }) };
    const video = { ...pictures[this.#others], facingMode: 'user', ...(camera && { deviceId: { ideal: camera } }) };
    if (!navigator.mediaDevices?.getUserMedia) return { stream: null, problem: 'none' };
    const attempts = withVideo ? [{ audio, video }, { audio }, { video }] : [{ audio }];
    let first;
    for (const attempt of attempts) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia(attempt);
        const problem = !attempt.audio ? 'no_mic' : withVideo && !attempt.video ? 'no_camera' : '';
        return { stream, problem };
      } catch (error) {
        first ??= error;
      }
    }
    const problems = { NotAllowedError: 'denied', SecurityError: 'denied', NotReadableError: 'busy', AbortError: 'busy' };
    return { stream: null, problem: problems[first.name] ?? 'none' };
  }

  /** Another device has been chosen, or the camera is wanted after all. */
  async reopen(withVideo = this.hasVideo) {
    const { isMicOn, isCameraOn, hasVideo } = this;
    await this.open(withVideo);
    this.isMicOn = isMicOn;
    if (hasVideo) this.isCameraOn = isCameraOn;
    return this.stream;
  }

  get hasVideo() {
    return (this.stream?.getVideoTracks().length ?? 0) > 0;
  }

  get hasAudio() {
    return (this.stream?.getAudioTracks().length ?? 0) > 0;
  }

  get isMicOn() {
    return this.stream?.getAudioTracks().some((track) => track.enabled) ?? false;
  }

  set isMicOn(isOn) {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = isOn;
  }

  get isCameraOn() {
    return this.stream?.getVideoTracks().some((track) => track.enabled) ?? false;
  }

  set isCameraOn(isOn) {
    for (const track of this.stream?.getVideoTracks() ?? []) track.enabled = isOn;
  }
}

export const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;

/** Fills the selects with what is there; names are known only after the permission. */
export async function fillSelects(selects, settings) {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  for (const [kind, { select, setting, name }] of Object.entries(selects)) {
    const found = devices.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== 'default');
    const options = found.map(({ deviceId, label: text }, index) => option(deviceId, text || t('device_unnamed', { kind: t(name), n: index + 1 })));
    select.replaceChildren(option('', t('device_default')), ...options);
    select.value = found.some(({ deviceId }) => deviceId === settings[setting]) ? settings[setting] : '';
  }
}

function option(value, text) {
  const element = document.createElement('option');
  element.value = value;
  element.textContent = text;
  return element;
}

/** Shows the own picture and how loud the microphone is, until it is stopped. */
export class Preview {
  #stop = null;

  /** @param {HTMLElement} box where @param {HTMLButtonElement} button starts and stops it @param {object} settings */
  constructor(box, button, settings) {
    Object.assign(this, { box, button, settings });
    button.addEventListener('click', () => (this.#stop ? this.stop() : this.start()));
  }

  get isOn() {
    return this.#stop !== null;
  }

  async start() {
    this.stop();
    const devices = new Devices(this.settings);
    this.#stop = () => devices.close();
    this.button.textContent = t('stop_trying');
    await devices.open(true);
    if (!this.#stop) return;
    const text = document.createElement('p');
    text.className = 'hint';
    text.setAttribute('role', 'status');
    text.textContent = t(`media_${devices.problem || 'ok'}`);
    this.box.replaceChildren(text);
    this.box.hidden = false;
    if (devices.hasVideo) this.box.prepend(ownPicture(devices.stream));
    const endMeter = devices.hasAudio ? this.#meter(devices.stream) : () => {};
    this.#stop = () => {
      endMeter();
      devices.close();
    };
  }

  stop() {
    this.#stop?.();
    this.#stop = null;
    this.box.hidden = true;
    this.box.replaceChildren();
    this.button.textContent = t('try_devices');
  }

  #meter(stream) {
    const meter = document.createElement('meter');
    meter.max = 1;
    label(meter, t('level'));
    this.box.append(meter);
    return measure(stream, (level) => (meter.value = level));
  }
}

function ownPicture(stream) {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, autoplay: true, playsInline: true, srcObject: stream });
  label(video, t('own_picture'));
  return video;
}

/** Tells ten times a second how loud the stream is, 0 to 1. @returns {() => void} ends it */
export function measure(stream, tell) {
  const Context = window.AudioContext ?? window.webkitAudioContext;
  const context = new Context();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getByteTimeDomainData(samples);
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample - 128)), 0);
    tell(Math.min(1, loudest / 100));
  }, 100);
  return () => {
    clearInterval(timer);
    context.close().catch(() => {});
  };
}
