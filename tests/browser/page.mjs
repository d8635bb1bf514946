// Owns the page under test: a fake camera and microphone, the official Ayame SDK exactly as npm ships it, and the few
// functions on `window.client` that the driver calls. It judges nothing; every expectation lives in the scenarios.

import { createConnection, defaultOptions } from '/ayame.mjs';

const remoteVideo = document.querySelector('video');
const localStream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });

let connection = null;
/** What the SDK and the socket told the page about the present connection, oldest first: `{ name, ...details }`. */
let events = [];
let analyser = null;

/** Registers and resolves with 'accepted', or with what the SDK's promise was rejected with ('REJECTED', 'WS-CLOSED', ..). */
async function connect({ signalingUrl, roomId, clientId }) {
  const options = clientId === undefined ? defaultOptions : { ...defaultOptions, clientId };
  // Always a new connection object: the SDK never forgets its first remote stream, and would not report a second one.
  connection = createConnection(signalingUrl, roomId, options);
  const told = [];
  events = told;
  for (const name of ['open', 'connect', 'disconnect', 'bye']) {
    connection.on(name, (detail) => told.push(detail?.reason === undefined ? { name } : { name, reason: detail.reason }));
  }
  connection.on('addstream', ({ stream }) => {
    told.push({ name: 'addstream' });
    play(stream);
  });
  const registered = connection.connect(localStream);
  // The SDK takes `onclose` away when it closes by itself; a listener of our own sees every close.
  connection.webSocket.addEventListener('close', ({ code, reason, wasClean }) => {
    told.push({ name: 'socket-closed', code, closeReason: reason, wasClean });
  });
  return registered.then(() => 'accepted', (reason) => String(reason));
}

function play(stream) {
  remoteVideo.srcObject = stream;
  const context = new AudioContext();
  analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
}

/** Leaves; resolves with the milliseconds of the closing handshake, without the tearing down of the call before it. */
async function disconnect() {
  const socket = connection.webSocket;
  const leaving = connection.disconnect();
  const start = performance.now(); // the SDK has just closed the call and then the socket, both synchronously
  const ended = new Promise((resolve) => socket.addEventListener('close', () => resolve(performance.now())));
  await leaving;
  return Math.round((await ended) - start);
}

function state() {
  const peer = connection?.peerConnection;
  return {
    connection: peer?.connectionState ?? 'none',
    ice: peer?.iceConnectionState ?? 'none',
    gathering: peer?.iceGatheringState ?? 'none',
  };
}

/** Video frames decoded in the present call; 0 without one. */
async function framesDecoded() {
  const stats = await connection?.peerConnection?.getStats();
  const video = [...(stats?.values() ?? [])].find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video');
  return video?.framesDecoded ?? 0;
}

/** The brightest colour value (0 to 255) of the remote video's present picture; 0 is all black or no picture. */
function brightestPixel() {
  if (remoteVideo.videoWidth === 0) return 0;
  const canvas = new OffscreenCanvas(remoteVideo.videoWidth, remoteVideo.videoHeight);
  const context = canvas.getContext('2d');
  context.drawImage(remoteVideo, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((most, value, index) => (index % 4 === 3 ? most : Math.max(most, value)), 0);
}

/** The loudest sample (0 to 1) of the remote audio's present window; 0 is silence. */
function loudestSample() {
  if (analyser === null) return 0;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  return samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

window.client = { connect, disconnect, state, framesDecoded, brightestPixel, loudestSample, events: () => events };
