// Owns one end of a call, on a machine that a test has put far away. Usage: node far.mjs ayame|mesh ws://HOST:PORT ROOM ID OTHER
// `ayame`: the official SDK; each hears the other's id over a data channel. `mesh`: the client of src/web, with sound one way and back;
// the end whose id comes first calls. It says what happens until its standard input ends: then both ends know all that they wanted to.
// Exit codes: 0 it was told to end, 2 wrong usage, 77 skipped (automake's code for it).

import { performance } from 'node:perf_hooks';
import { WebSocket, wrtc } from './native.mjs';

const sampleRate = 48_000;

/** Every browser of today makes the description by itself if it is given none. */
class RTCPeerConnection extends wrtc.RTCPeerConnection {
  async setLocalDescription(description) {
    const make = () => (this.signalingState === 'have-remote-offer' ? this.createAnswer() : this.createOffer());
    return super.setLocalDescription(description ?? (await make()));
  }
}

const [client, serverUrl, room, id, other] = process.argv.slice(2);
const clients = { ayame, mesh };
if (!clients[client] || !other) {
  console.error('usage: node far.mjs ayame|mesh ws://HOST:PORT ROOM ID OTHER');
  process.exit(2);
}
const start = performance.now();
const say = (what) => console.log(`${id}: ${what} after ${Math.round(performance.now() - start)} ms`);
process.stdin.on('end', () => process.exit(0)).resume();
await clients[client]();

async function ayame() {
  const { RTCSessionDescription, RTCIceCandidate, RTCRtpSender, RTCRtpReceiver } = wrtc;
  const globals = { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate, RTCRtpSender, RTCRtpReceiver };
  Object.assign(globalThis, { window: globalThis, WebSocket, ...globals });
  const { createConnection, defaultOptions } = await import('@open-ayame/ayame-web-sdk');
  const noMedia = { direction: 'recvonly', enabled: false };
  const connection = createConnection(`${serverUrl}/signaling`, room, {
    ...defaultOptions, audio: noMedia, video: noMedia, iceServers: [], clientId: id,
  });
  const heard = new Promise((resolve, reject) => {
    const talk = (channel) => {
      channel.addEventListener('message', ({ data }) => data === other && resolve());
      const hello = () => channel.readyState === 'open' && channel.send(id);
      channel.addEventListener('open', hello);
      hello();
    };
    connection.on('open', () => connection.createDataChannel('talk').then((channel) => channel && talk(channel), reject));
    connection.on('datachannel', talk);
  });
  await connection.connect(null);
  say('seated');
  await heard;
  say('talked over a data channel');
}

async function mesh() {
  const { RTCSessionDescription, RTCIceCandidate, MediaStream, nonstandard } = wrtc;
  const page = { location: { href: serverUrl.replace('ws', 'http') }, addEventListener() {} };
  page.document = { visibilityState: 'visible', addEventListener() {} };
  Object.assign(globalThis, page, { WebSocket, RTCPeerConnection, RTCSessionDescription, RTCIceCandidate, MediaStream });
  globalThis.navigator ??= {};
  const { Suzu } = await import('../../src/web/suzu.js');
  const suzu = new Suzu({ room, id, url: `${serverUrl}/mesh`, storage: null });

  const source = new nonstandard.RTCAudioSource();
  const stream = new MediaStream([source.createTrack()]);
  const samples = Int16Array.from({ length: sampleRate / 100 }, (_, n) => 10_000 * Math.sin((2 * Math.PI * 440 * n) / sampleRate));
  setInterval(() => source.onData({ samples, sampleRate }), 10).unref();

  suzu.addEventListener('state', ({ detail }) => detail.state === 'connecting' && suzu.lastClose && say('lost its socket'));
  suzu.addEventListener('peer-disconnected', ({ detail }) => say(`${detail.peer.id} is gone`));
  suzu.addEventListener('message', ({ detail }) => say(`heard ${JSON.stringify(detail.data)}`));
  const hears = new Promise((resolve) => {
    const listen = (call) => call.addEventListener('track', ({ detail: { track } }) => {
      if (track.kind !== 'audio') return;
      const sink = new nonstandard.RTCAudioSink(track);
      sink.ondata = ({ samples: heard }) => {
        if (heard.every((sample) => Math.abs(sample) < 1_000)) return;
        sink.stop();
        resolve();
      };
    });
    suzu.addEventListener('call', ({ detail: { call } }) => {
      listen(call);
      call.accept({ stream });
    });
    const callOther = () => id < other && suzu.peers.has(other) && !suzu.calls.has(other) && listen(suzu.call(other, { stream }));
    suzu.addEventListener('peers', callOther);
    suzu.addEventListener('state', ({ detail }) => {
      if (detail.state !== 'connected') return;
      say('seated');
      callOther();
    });
  });
  suzu.connect();
  await hears;
  say('heard the other');
}
