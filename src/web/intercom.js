// Owns how the parts of the intercom page work together: what happens in one is told to the others here, and nothing else is.

import { Bell } from './bell.js';
import { CallView, memberOf } from './call-view.js';
import { Calls } from './calls.js';
import { Devices, Preview } from './devices.js';
import { choose, locale, t, translate } from './i18n.js';
import { closeSheets, listenToSheets, openAdd, openMissed, openShare, SettingsSheet, showMissedCount, showShare } from './panels.js';
import { answerProbes } from './probe.js';
import { Ringing } from './ringing.js';
import { localStore, Settings, tidy } from './settings.js';
import { isStation, nameOf, Stations } from './stations.js';
import { Suzu } from './suzu.js';
import { Awake, Dimmer } from './wake.js';

const $ = (id) => document.getElementById(id);
const canCall = window.isSecureContext && 'RTCPeerConnection' in window;
const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
/** How long a note at the bottom stays. */
const toastMs = 6_000;
/** How long the name on a wall has to be pressed for the settings. */
const holdMs = 1_200;
/** How long a browser that allows sound without a tap may take to say so. */
const soundMs = 600;

const settings = new Settings(location, localStore());
choose(settings.lang, document);
translate(document);

const bell = new Bell();
const awake = new Awake();
const dimmer = new Dimmer($('dim'), $('clock'), { locale, afterMs: settings.dimSec * 1000 });
const devices = new Devices(settings);
const startPreview = new Preview($('start-preview'), $('start-look'), settings);
const stations = new Stations($('stations'), ring);
const sheet = new SettingsSheet(settings, { moved: move, output: () => view.applyOutput(), input: changeDevices, kiosk: refresh });
const ringing = new Ringing({ emit, newId: randomId, now: () => performance.now(), noAnswerMs: settings.ringSec * 1000, policy });
const view = new CallView({
  toggleMic: () => look(() => (devices.isMicOn = !devices.isMicOn)),
  toggleCamera,
  hangUp: () => act(() => ringing.hangUp()),
  talk: (isOn) => look(() => (devices.isMicOn = isOn)),
  soundBlocked: showSoundBanner,
}, settings);

/** @type {Suzu} */
let suzu;
/** @type {Calls} */
let calls;
let phase = 'idle';
let announced = '';
let ringTimer;
let isRefreshDue = false;
/** Why the server did not let us in, last time. */
let refusal = '';
let wasConnected = false;

// The seat in the room

function enter() {
  suzu = new Suzu({ room: settings.room, name: settings.name, ...(settings.key && { token: settings.key }), meta: { suzu: 'station' } });
  calls = new Calls(suzu, { devices, ringing, changed: refreshSoon });
  suzu.addEventListener('state', ({ detail }) => {
    if (detail.close) settings.addClose({ code: detail.close.code, reason: String(detail.close.reason).slice(0, 120), at: detail.close.at });
    if (detail.state === 'connected') {
      [refusal, wasConnected, announced] = ['', true, ''];
      ringing.me = suzu.id;
    }
    refresh();
  });
  suzu.addEventListener('error', ({ detail }) => {
    refusal = detail.code;
    if (detail.code === 'unknown-peer' && detail.to) ringing.gone(detail.to);
    refresh();
  });
  suzu.addEventListener('peers', () => act(() => calls.follow()));
  suzu.addEventListener('peer-connected', ({ detail: { peer } }) => isStation(peer) && suzu.send(ownState(), peer.id));
  suzu.addEventListener('peer-disconnected', ({ detail: { peer } }) => act(() => {
    stations.forget(peer.id);
    ringing.gone(peer.id);
  }));
  suzu.addEventListener('message', ({ detail: { from, data } }) => act(() => {
    const isStation = stations.hear(from, data);
    if (isStation && data.ask === true) suzu.send(ownState(), from);
    if (!isStation && !calls.hear(from, data)) ringing.receive(from, data);
  }));
  answerProbes(suzu);
  suzu.connect();
  show('home');
  refresh();
}

/** Another name or another room: a seat keeps its name, so this takes a new one. */
function move() {
  ringing.hangUp();
  suzu?.disconnect();
  // What the address says would win over it the next time.
  history.replaceState(null, '', location.pathname);
  enter();
}

function ownState() {
  const { state } = settings;
  const shown = ringing.phase === 'in-call' ? 'call' : state;
  return { suzu: 'station', v: 1, state: shown, auto: settings.auto && state === 'free' && canCall, can: canCall };
}

function announce() {
  const state = ownState();
  if (suzu?.state !== 'connected' || JSON.stringify(state) === announced) return;
  // A page that was loaded again is in its seat as before, and nobody knows that it has forgotten everything.
  const isFirst = announced === '';
  announced = JSON.stringify(state);
  suzu.send(isFirst && stations.lacks(suzu.peers.values()) ? { ...state, ask: true } : state);
}

// Ringing

function policy() {
  if (!canCall || settings.state === 'dnd') return 'dnd';
  return settings.auto && settings.state === 'free' ? 'answer' : 'ring';
}

function ring(id, media = 'video') {
  bell.unlock();
  if (canCall) act(() => ringing.ring(id, media));
}

/** Does something to the state machine, and shows what has come of it. */
function act(what) {
  what();
  refresh();
}

function emit(effect) {
  const name = nameOfId(effect.to ?? effect.about ?? effect.from ?? effect.peer);
  switch (effect.do) {
    case 'send': return suzu.send(effect.data, effect.to);
    case 'leave': return calls.end(effect.peer);
    case 'missed':
      settings.addMissed({ name, id: effect.from, at: Date.now(), why: effect.why, seen: false });
      showMissedCount(settings);
      return toast(t('notice_missed', { name }));
    case 'notice':
      if (effect.what === 'left') bell.chime(false);
      return toast(t(`notice_${effect.what}`, { name }));
    case 'answered':
      bell.chime(true);
      return effect.auto && toast(t('notice_auto', { name }));
  }
}

/** Names of peers that have gone are still needed for a moment. */
const names = new Map();
function nameOfId(id) {
  const peer = suzu?.peers.get(id);
  if (peer) names.set(id, nameOf(peer));
  if (names.size > 100) names.delete(names.keys().next().value);
  return names.get(id) ?? nameOf({ id });
}

// What is shown

function refresh() {
  if (!suzu) return;
  const before = phase;
  phase = ringing.phase;
  if (phase !== before) changePhase(before);
  if (phase !== 'idle') calls.sync();
  const peers = [...suzu.peers.values()];
  for (const { id } of peers) nameOfId(id);
  const count = stations.show(peers, { canRing: canCall && suzu.state === 'connected' });
  showEmpty(count === 0 && suzu.state === 'connected');
  showOwn();
  showLink();
  showRing();
  if (phase === 'in-call') showCall();
  if (phase !== before && (phase === 'in-call' || before === 'in-call')) focusNext();
  announce();
  awake.want(phase !== 'idle' || settings.kiosk);
  dimmer.set(settings.kiosk && phase === 'idle' && !document.querySelector('dialog[open]'));
  clearTimeout(ringTimer);
  const inMs = Math.max(0, ringing.nextAt - performance.now());
  if (inMs < Infinity) ringTimer = setTimeout(() => act(() => ringing.tick()), inMs);
}

/** For what may happen in the middle of something else. */
function refreshSoon() {
  if (isRefreshDue) return;
  isRefreshDue = true;
  queueMicrotask(() => {
    isRefreshDue = false;
    refresh();
  });
}

function changePhase(before) {
  if (phase === 'ringing') bell.ring();
  else if (phase === 'calling') bell.ringback();
  else bell.stop();
  if (phase === 'idle') {
    devices.close();
    calls.endAll();
  }
  if (phase === 'calling' || (phase === 'in-call' && before !== 'calling')) {
    closeSheets();
    calls.openDevices(ringing.call.media === 'video', settings.muted);
  }
  if (before === 'in-call') view.clear();
  if (phase === 'in-call' || before === 'in-call') show(phase === 'in-call' ? 'call' : 'home');
}

function show(what) {
  $('start').hidden = what !== 'start';
  $('home').hidden = what !== 'home';
  $('nav').hidden = what === 'start';
  $('bar').hidden = document.querySelector('main').hidden = what === 'call';
  $('call').hidden = what !== 'call';
  document.body.dataset.view = what;
}

/** Where the keyboard goes on from when a call begins or ends; touched screens need not show it. */
function focusNext() {
  const next = phase === 'in-call' ? $('hang-up') : $('stations').querySelector('button');
  next?.focus({ focusVisible: false, preventScroll: true });
}

function showCall() {
  const members = [...ringing.call.members.keys(), ...ringing.outgoing.keys()].map((id) => {
    const peer = suzu.peers.get(id) ?? { id, name: names.get(id) };
    return memberOf(id, peer, calls.get(id), calls.lookOf(id), ringing.outgoing.has(id));
  });
  view.show({ members, devices, canAdd: ringing.hasRoom });
}

function showRing() {
  const dialog = $('ring');
  const isOpen = phase === 'ringing' || phase === 'calling';
  if (!isOpen) return dialog.open && dialog.close();
  const isIn = phase === 'ringing';
  const [outId, out] = [...ringing.outgoing][0] ?? [];
  const name = nameOfId(isIn ? ringing.incoming.from : outId);
  const members = isIn ? ringing.incoming.members.map(nameOfId) : [];
  const isVoice = isIn && ringing.incoming.media === 'audio';
  const inText = members.length > 0 ? t('is_ringing_group', { names: members.join(', ') }) : t(isVoice ? 'is_ringing_voice' : 'is_ringing');
  const text = isIn ? inText : t(out.rings ? 'ringing_there' : 'calling');
  say($('ring-name'), name);
  say($('ring-text'), text);
  $('ring-in').hidden = !isIn;
  $('ring-out').hidden = isIn;
  $('answer-voice').hidden = isVoice;
  dialog.dataset.kind = phase;
  if (!dialog.open) {
    dialog.showModal();
    $(isIn ? 'answer' : 'cancel').focus();
  }
}

function showEmpty(isEmpty) {
  if (isEmpty && $('empty').hidden) showShare($('empty-share'), settings);
  $('empty').hidden = !isEmpty;
}

function showOwn() {
  $('own-name').textContent = settings.name;
  $('own-room').textContent = settings.room;
  $('own-state').value = settings.state;
  $('own-auto').checked = settings.auto;
  document.title = `${settings.name} · suzu`;
  document.body.classList.toggle('kiosk', settings.kiosk);
  $('own-hint').textContent = t(settings.kiosk ? 'settings_hold' : 'settings');
  $('open-share').hidden = $('open-settings').hidden = $('own').hidden = settings.kiosk;
}

function showLink() {
  const isConnected = suzu?.state === 'connected';
  const known = refusal && t(`link_${refusal}`) !== `link_${refusal}`;
  const text = isConnected ? 'link_connected' : known ? `link_${refusal}` : wasConnected ? 'link_connecting' : 'link_first';
  $('link').dataset.state = isConnected ? 'connected' : 'connecting';
  say($('link-text'), t(text));
}

/** Screen readers say it again only when it is something else. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function toast(text) {
  const note = document.createElement('p');
  note.textContent = text;
  $('toasts').append(note);
  if ($('toasts').children.length > 3) $('toasts').firstChild.remove();
  setTimeout(() => note.remove(), toastMs);
}

function showSoundBanner() {
  $('sound-on').hidden = document.body.dataset.view === 'start' || !bell.isLocked;
}

// In a call

/** Changes something of what we send, shows it, and tells the others. */
function look(change) {
  change();
  refresh();
  calls.tellLook();
}

async function toggleCamera() {
  if (devices.hasVideo) return look(() => (devices.isCameraOn = !devices.isCameraOn));
  calls.replaceStream(await devices.reopen(true));
  refresh();
}

async function changeDevices() {
  if (phase !== 'in-call' && phase !== 'calling') return;
  calls.replaceStream(await devices.reopen());
  refresh();
}

function openAddSheet() {
  const isAway = ({ id }) => !ringing.call?.members.has(id) && !ringing.outgoing.has(id) && stations.stateOf(id).can;
  const away = [...suzu.peers.values()].filter((peer) => isStation(peer) && isAway(peer));
  openAdd(away.map((peer) => ({ id: peer.id, name: nameOf(peer), text: stations.text(peer.id) })), ring);
}

// What people do

function listen() {
  $('answer').addEventListener('click', () => act(() => ringing.answer('video')));
  $('answer-voice').addEventListener('click', () => act(() => ringing.answer('audio')));
  $('decline').addEventListener('click', () => act(() => ringing.decline()));
  $('cancel').addEventListener('click', () => act(() => ringing.hangUp()));
  $('ring').addEventListener('cancel', (event) => {
    event.preventDefault();
    act(() => (phase === 'ringing' ? ringing.decline() : ringing.hangUp()));
  });
  $('own-state').addEventListener('change', () => save({ state: $('own-state').value }));
  $('own-auto').addEventListener('change', () => save({ auto: $('own-auto').checked }));
  $('open-share').addEventListener('click', () => openShare(settings));
  $('open-settings').addEventListener('click', () => sheet.open(false));
  $('call-devices').addEventListener('click', () => sheet.open(true));
  $('call-add').addEventListener('click', openAddSheet);
  $('open-missed').addEventListener('click', () => openMissed(settings, peerOfMissed, ring));
  $('missed-clear').addEventListener('click', () => {
    save({ missed: [] });
    openMissed(settings, peerOfMissed, ring);
  });
  for (const dialog of document.querySelectorAll('dialog')) dialog.addEventListener('close', refresh);
  window.addEventListener('pagehide', () => ringing.hangUp());
  listenToBrand();
  listenToSheets();
  listenForSound();
}

function save(values) {
  Object.assign(settings, values);
  settings.save();
  refresh();
}

/** A station that has come back has another id, and the same name. */
function peerOfMissed({ id, name }) {
  if (suzu.peers.has(id)) return id;
  const same = [...suzu.peers.values()].filter((peer) => isStation(peer) && nameOf(peer) === name);
  return same.length === 1 ? same[0].id : undefined;
}

/** The name opens the settings: by a tap, on a wall only by a long one. */
function listenToBrand() {
  let timer;
  const end = () => clearTimeout(timer);
  const begin = () => {
    end();
    if (settings.kiosk && suzu) timer = setTimeout(() => sheet.open(false), holdMs);
  };
  $('brand').addEventListener('pointerdown', begin);
  $('brand').addEventListener('keydown', (event) => !event.repeat && ['Enter', ' '].includes(event.key) && begin());
  for (const event of ['pointerup', 'pointerleave', 'pointercancel', 'keyup', 'blur']) $('brand').addEventListener(event, end);
  $('brand').addEventListener('contextmenu', (event) => event.preventDefault());
  $('brand').addEventListener('click', () => !settings.kiosk && suzu && sheet.open(false));
}

/** Any tap enables the sound; the banner only asks for one. */
function listenForSound() {
  bell.addEventListener('change', showSoundBanner);
  const unlock = () => {
    bell.unlock();
    view.unblock();
  };
  for (const event of ['pointerup', 'keydown', 'touchend']) window.addEventListener(event, () => bell.isLocked && unlock(), { passive: true });
  $('sound-on').addEventListener('click', unlock);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && bell.isLocked && bell.unlock());
}

function start(event) {
  event.preventDefault();
  startPreview.stop();
  bell.unlock();
  Object.assign(settings, { name: tidy($('start-name').value) || t('name_hint'), room: tidy($('start-room').value) || 'home' });
  settings.save();
  enter();
}

listen();
showMissedCount(settings);
$('insecure').hidden = canCall;
if (settings.name) {
  bell.unlock(); // works where sound is allowed without a tap
  enter();
  setTimeout(showSoundBanner, soundMs);
} else {
  show('start');
  $('start-room').value = settings.room;
  $('start').addEventListener('submit', start);
}
