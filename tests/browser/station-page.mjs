// Owns the page under test for the client in src/web: a fake camera and microphone, one Suzu, and the record of all its events.
// It judges nothing; every expectation lives in the scenarios.

import { Suzu } from '/suzu.js';

/** All events of the Suzu and of its calls, oldest first: `{ name, ...detail }`, and `peerId` for those of a call. */
const events = [];
/** Timers of this page that have not fired or been cleared yet: what `clean teardown` is about. */
const timers = new Set();
/** What the timeouts were set to, oldest first. */
const delays = [];
/** Every call that there was, oldest first. */
const calls = [];

/** Lets this page's clock be ahead of the time. */
let aheadMs = 0;
const now = performance.now.bind(performance);
performance.now = () => now() + aheadMs;
const skip = (ms) => void (aheadMs += ms);

watchTimers('setTimeout', 'clearTimeout');
watchTimers('setInterval', 'clearInterval');

function watchTimers(set, clear) {
  const [original, originalClear] = [window[set], window[clear]];
  window[set] = (handler, ...rest) => {
    if (set === 'setTimeout') delays.push(rest[0]);
    const id = original((...given) => {
      if (set === 'setTimeout') timers.delete(id);
      handler(...given);
    }, ...rest);
    timers.add(id);
    return id;
  };
  window[clear] = (id) => {
    timers.delete(id);
    originalClear(id);
  };
}

function join(options) {
  const suzu = new Suzu(options);
  window.suzu = suzu;
  for (const name of ['state', 'peers', 'peer-connected', 'peer-disconnected', 'message', 'error']) {
    suzu.addEventListener(name, ({ detail }) => events.push({ name, ...detail }));
  }
  suzu.addEventListener('call', ({ detail: { call } }) => {
    events.push({ name: 'call', peerId: call.peerId });
    watch(call);
  });
  suzu.connect();
}

function watch(call) {
  if (calls.includes(call)) return call;
  calls.push(call);
  for (const name of ['state', 'ended', 'track']) {
    call.addEventListener(name, ({ detail }) => {
      const { track, streams, ...rest } = detail;
      events.push({ name: `call-${name}`, peerId: call.peerId, ...rest, ...(track && { kind: track.kind }) });
      if (track) document.querySelector('video').srcObject = streams[0];
    });
  }
  return call;
}

/** Camera and microphone, or what of them is asked for. */
const media = (wishes = { audio: true, video: { width: 320, height: 240 } }) => navigator.mediaDevices.getUserMedia(wishes);

const call = async (peerId) => void watch(window.suzu.call(peerId, { stream: await media() }));
const accept = async (peerId) => window.suzu.calls.get(peerId).accept({ stream: await media() });

/** What comes in over the call with this peer at the moment. */
async function figures(peerId) {
  const call = window.suzu.calls.get(peerId);
  const stats = [...((await call?.peerConnection?.getStats())?.values() ?? [])];
  const inbound = (kind) => stats.find((entry) => entry.type === 'inbound-rtp' && entry.kind === kind);
  const ufrag = /a=ice-ufrag:(\S+)/.exec(call?.peerConnection?.currentLocalDescription?.sdp ?? '')?.[1];
  return {
    state: call?.state ?? 'none',
    connection: call?.peerConnection?.connectionState ?? 'none',
    frames: inbound('video')?.framesDecoded ?? 0,
    width: inbound('video')?.frameWidth ?? 0,
    packets: inbound('audio')?.packetsReceived ?? 0,
    ufrag,
  };
}

window.station = { join, media, call, accept, figures, watch, skip, events, calls, timers, delays };
