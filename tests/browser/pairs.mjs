// Owns: the official Ayame SDK in plain Node, on the real WebRTC of @roamhq/wrtc: many pairs at once call through one
// server, and the two of each exchange data over a data channel. Usage: node pairs.mjs ws://127.0.0.1:PORT [PAIRS]
// Exit codes: 0 all did, 1 some did not, 2 wrong usage, 77 skipped (automake's code for it).

import { performance } from 'node:perf_hooks';
import { WebSocket, wrtc } from './native.mjs';

const deadlineMs = 30_000;

const [serverUrl, wanted = '50'] = process.argv.slice(2);
const pairs = Number(wanted);
if (!/^ws:\/\/[^/]+$/.test(serverUrl ?? '') || !(Number.isInteger(pairs) && pairs > 0)) {
  console.error('usage: node pairs.mjs ws://127.0.0.1:PORT [PAIRS]');
  process.exit(2);
}

// What a browser has and the SDK uses.
const { RTCSessionDescription, RTCIceCandidate, RTCRtpSender, RTCRtpReceiver } = wrtc;
/**
 * Of the candidates that arrive one is tried, and none is taken from an SDP: what is not passed on is missed. And a
 * hundred clients that try all of each other's, on a machine with a few addresses, take half a minute.
 */
class RTCPeerConnection extends wrtc.RTCPeerConnection {
  async addIceCandidate(candidate) {
    if (/ udp .* 127\.0\.0\.1 /.test(candidate.candidate)) await super.addIceCandidate(candidate);
  }

  setRemoteDescription({ type, sdp }) {
    return super.setRemoteDescription({ type, sdp: sdp.replace(/^a=candidate:.*\r\n/gm, '') });
  }
}
const globals = { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate, RTCRtpSender, RTCRtpReceiver };
Object.assign(globalThis, { window: globalThis, WebSocket, ...globals });
const { createConnection, defaultOptions } = await import('@open-ayame/ayame-web-sdk');

// No media, and no STUN server: nothing but this machine takes part.
const noMedia = { direction: 'recvonly', enabled: false };
const options = { ...defaultOptions, audio: noMedia, video: noMedia, iceServers: [] };

const start = performance.now();
const rooms = Array.from({ length: pairs }, (_, index) => `pair-${index}-${process.pid}`);
const results = await Promise.allSettled(rooms.map(call));
const ms = performance.now() - start;

const failed = results.filter(({ status }) => status === 'rejected');
for (const { reason } of failed.slice(0, 5)) console.log(`FAILED ${reason?.message ?? reason}`);
console.log(`${pairs - failed.length} of ${pairs} pairs exchanged data in ${(ms / 1000).toFixed(1)} s`);
process.exit(failed.length === 0 ? 0 : 1);

/** Two clients in one room: each hears over the data channel what the other, and only the other, says. */
async function call(room) {
  const ends = [new End(room, `${room} one`), new End(room, `${room} two`)];
  await Promise.all(ends.map((end) => end.connection.connect(null)));
  const [one, two] = await Promise.all(ends.map(({ heard }) => within(`data channel in room ${room}`, heard)));
  if (one !== ends[1].id || two !== ends[0].id) throw new Error(`room ${room}: heard ${one} and ${two}`);
  if (ends.filter(({ connection }) => connection.isExistUser).length !== 1) throw new Error(`room ${room}: who offered?`);
  // Let the others have the processor: a call that has done its part would go on proving that it is alive.
  for (const { connection } of ends) connection.peerConnection?.close();
}

/** One client. The one that makes the offer says its id over the data channel, and the other one then says its own. */
function End(room, id) {
  this.id = id;
  this.connection = createConnection(`${serverUrl}/signaling`, room, { ...options, clientId: id });
  this.heard = new Promise((resolve, reject) => {
    const opens = (channel) => {
      channel.addEventListener('message', ({ data }) => resolve(data));
      channel.addEventListener('open', () => channel.readyState === 'open' && channel.send(id));
    };
    const isOpened = (channel) => channel.addEventListener('message', ({ data }) => { channel.send(id); resolve(data); });
    // For the one who waited there is no channel to create: this gives null.
    this.connection.on('open', () => this.connection.createDataChannel('talk').then((channel) => channel && opens(channel), reject));
    this.connection.on('datachannel', isOpened);
    this.connection.on('disconnect', ({ reason }) => reject(new Error(`${id} was disconnected: ${reason}`)));
  });
  // Whoever waits for it hears of its failure; until then it is nobody's.
  this.heard.catch(() => {});
}

async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${deadlineMs} ms`)), deadlineMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
