// Owns the diagnostics page: each check says how it is and, where something is wrong, what to do about it.

import { Preview } from './devices.js';
import { choose, locale, t, translate, words } from './i18n.js';
import { copyText } from './panels.js';
import { answerProbes, resolves, whoAnswers } from './probe.js';
import { localStore, Settings } from './settings.js';
import { make } from './stations.js';
import { Suzu } from './suzu.js';

const $ = (id) => document.getElementById(id);
const connectMs = 6_000;
const gatherMs = 5_000;
const pings = 5;
/** Above this (milliseconds), ringing still works, but something is wrong with the network. */
const slowMs = 300;

const settings = new Settings(location, localStore());
choose(settings.lang, document);
translate(document);

/**
 * @typedef {{verdict: 'ok'|'warn'|'bad'|'info', text: string, todo?: string}} Finding
 * @type {Suzu}
 */
let suzu;

const found = (verdict, text, values, todo) => ({ verdict, text: t(text, values), ...(todo && { todo: t(todo, values) }) });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isLoopback = /^(localhost|127\.|\[::1\])/.test(location.hostname);

function checkSecure() {
  return window.isSecureContext ? found('ok', 'secure_ok') : found('bad', 'secure_bad', {}, 'secure_todo');
}

/** A service worker is refused where somebody has clicked a certificate warning away; that there is none to install does not matter. */
async function checkCertificate() {
  if (location.protocol !== 'https:') return found(isLoopback ? 'info' : 'warn', 'certificate_none', {}, isLoopback ? undefined : 'secure_todo');
  if (!navigator.serviceWorker) return found('bad', 'certificate_bad', {}, 'certificate_todo');
  try {
    await navigator.serviceWorker.register('/certificate-probe.js');
  } catch (error) {
    if (/certificate/i.test(error.message)) return found('bad', 'certificate_bad', {}, 'certificate_todo');
  }
  return found('ok', 'certificate_ok');
}

const permissionOf = (name) => navigator.permissions?.query({ name }).then(({ state }) => state, () => 'unknown');

async function checkDevice(kind, permission) {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const count = devices.filter((device) => device.kind === kind).length;
  const state = (await permissionOf(permission)) ?? 'unknown';
  if (!window.isSecureContext) return found('bad', 'device_insecure', {}, 'secure_todo');
  if (count === 0) return found('warn', 'device_none', {}, 'device_none_todo');
  if (state === 'denied') return found('bad', 'device_denied', {}, 'device_denied_todo');
  if (state === 'granted') return found('ok', 'device_ok', { count });
  return found('info', 'device_ask', { count }, 'device_ask_todo');
}

/** Settles when the socket is seated, or says why it is not. */
function connected() {
  return new Promise((resolve) => {
    let refusal = '';
    suzu.addEventListener('error', ({ detail }) => (refusal = detail.code));
    suzu.addEventListener('state', ({ detail }) => detail.state === 'connected' && resolve(''));
    setTimeout(() => resolve(refusal || (suzu.lastClose ? `close ${suzu.lastClose.code}` : 'timeout')), connectMs);
  });
}

async function checkSocket(joined) {
  const reason = await joined;
  if (suzu.state !== 'connected') {
    const todo = { unauthorized: 'socket_todo_key', 'room-full': 'socket_todo_full' }[reason] ?? 'socket_todo';
    return found('bad', 'socket_bad', { reason }, todo);
  }
  const times = [];
  try {
    for (let count = 0; count < pings; count += 1) times.push(await suzu.ping());
  } catch {
    return found('bad', 'socket_bad', { reason: 'lost' }, 'socket_todo');
  }
  const ms = times.sort((a, b) => a - b)[Math.floor(pings / 2)];
  const shown = { ms: ms < 10 ? ms.toFixed(1) : Math.round(ms), room: settings.room };
  return ms > slowMs ? found('warn', 'socket_slow', shown, 'socket_slow_todo') : found('ok', 'socket_ok', shown);
}

async function checkCandidates() {
  if (!('RTCPeerConnection' in window)) return found('bad', 'webrtc_none', {}, 'webrtc_todo');
  const pc = new RTCPeerConnection();
  const kinds = new Set();
  const complete = new Promise((resolve) => {
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return candidate === null && resolve();
      const { type, address } = candidate;
      kinds.add(type === 'host' ? (address?.endsWith('.local') ? 'host (.local)' : address?.includes(':') ? 'host (IPv6)' : 'host (IPv4)') : type);
    };
  });
  pc.createDataChannel('gather');
  await pc.setLocalDescription();
  await Promise.race([complete, pause(gatherMs)]);
  pc.close();
  if (kinds.size === 0) return found('bad', 'ice_none', {}, 'ice_todo');
  return found('ok', 'ice_ok', { kinds: [...kinds].sort().join(', ') });
}

async function checkLocalNames(joined) {
  await joined;
  if (suzu.state !== 'connected' || !('RTCPeerConnection' in window)) return found('info', 'local_no_server');
  const others = await whoAnswers(suzu);
  if (others.length === 0) return found('info', 'local_alone', {}, 'local_alone_todo');
  const [byUs, byThem] = [await resolves(suzu, others[0], true), await resolves(suzu, others[0], false)];
  if (byUs === 'unused' && byThem === 'unused') return found('ok', 'local_unused');
  if (byUs !== 'no' && byThem !== 'no') return found('ok', 'local_ok');
  return found('bad', byUs === 'no' ? (byThem === 'no' ? 'local_neither' : 'local_not_here') : 'local_not_there', {}, 'local_todo');
}

function checkCloses() {
  const closes = settings.closes.filter((close) => typeof close?.code === 'number');
  if (closes.length === 0) return found('ok', 'closes_none');
  const format = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'medium' });
  const list = closes.map(({ code, reason, at }) => `${format.format(at)} ${code} ${reason}`.trim()).join('; ');
  const worst = closes.find(({ code }) => words.en[`close_${code}`]);
  return { ...found('info', 'closes_some', { list }), ...(worst && { todo: t(`close_${worst.code}`) }) };
}

// The page

const rows = new Map();
let round = 0;

function begin(name) {
  const row = make('li', '', make('span', 'mark'), make('div', 'text', make('h2', '', t(`check_${name}`)), make('p', '', t('running')), make('p', 'todo')));
  row.dataset.verdict = 'running';
  rows.set(name, { row, finding: null });
  $('checks').append(row);
}

function end(name, finding) {
  const { row } = rows.get(name);
  rows.set(name, { row, finding });
  const [title, text, todo] = row.lastElementChild.children;
  row.dataset.verdict = finding.verdict;
  row.firstElementChild.textContent = { ok: '✓', warn: '!', bad: '✕', info: 'i' }[finding.verdict];
  title.textContent = `${t(`check_${name}`)}: ${t(`verdict_${finding.verdict}`)}`;
  text.textContent = finding.text;
  todo.textContent = finding.todo ?? '';
  showReport();
}

function showReport() {
  const findings = [...rows].map(([name, { finding }]) => [name, finding]);
  const done = findings.filter(([, finding]) => finding);
  const bad = done.filter(([, { verdict }]) => verdict === 'bad' || verdict === 'warn').length;
  const isDone = done.length === findings.length;
  $('summary').textContent = isDone ? t(bad === 0 ? 'all_well' : 'some_wrong', { n: bad }) : t('running');
  $('summary').dataset.verdict = isDone ? (bad === 0 ? 'ok' : 'bad') : 'running';
  const lines = done.map(([name, { verdict, text, todo }]) => `[${verdict}] ${t(`check_${name}`)}: ${text}${todo ? ` -> ${todo}` : ''}`);
  // Not the key, which the address may contain.
  const head = ['suzu diagnostics', new Date().toISOString(), `${location.origin}${location.pathname}`, navigator.userAgent, ''];
  $('report').value = [...head, ...lines].join('\n');
}

async function run() {
  const mine = (round += 1);
  rows.clear();
  $('checks').replaceChildren();
  suzu?.disconnect();
  suzu = new Suzu({ room: settings.room, name: 'Diagnostics', meta: { suzu: 'diagnostics' }, storage: null, ...(settings.key && { token: settings.key }) });
  answerProbes(suzu);
  const joined = connected();
  suzu.connect();
  const checks = {
    secure: checkSecure,
    certificate: checkCertificate,
    microphone: () => checkDevice('audioinput', 'microphone'),
    camera: () => checkDevice('videoinput', 'camera'),
    socket: () => checkSocket(joined),
    ice: checkCandidates,
    local: () => checkLocalNames(joined),
    closes: checkCloses,
  };
  for (const name of Object.keys(checks)) begin(name);
  showReport();
  await Promise.all(Object.entries(checks).map(async ([name, check]) => {
    const finding = await Promise.resolve().then(check).catch((error) => ({ verdict: 'bad', text: String(error.message) }));
    if (mine === round) end(name, finding);
  }));
}

new Preview($('preview'), $('try'), settings);
$('again').addEventListener('click', run);
$('copy').addEventListener('click', async () => {
  if (await copyText($('report').value, $('report'))) $('copy').textContent = t('copied');
});
run();
