// Owns the sheets that slide over the page: settings, adding a device, missed calls, adding a station to a call.

import { canChooseSpeaker, fillSelects, Preview } from './devices.js';
import { label, locale, t } from './i18n.js';
import { svg } from './qr.js';
import { shareLink, tidy } from './settings.js';
import { avatar, icon, make } from './stations.js';

const $ = (id) => document.getElementById(id);
const dateTime = () => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });

/** Opens a sheet; a tap beside it closes it, as Esc does. */
function openSheet(dialog) {
  if (!dialog.open) dialog.showModal();
}

export function closeSheets() {
  for (const dialog of document.querySelectorAll('dialog.sheet[open]')) dialog.close();
}

export function listenToSheets() {
  for (const dialog of document.querySelectorAll('dialog.sheet')) {
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  }
}

// Adding a device.

const onlyHere = /^(localhost|127\.|\[::1\])/;

/** The link of this room, as text and as a picture, into `box`. */
export function showShare(box, settings) {
  const link = shareLink(settings, location.origin);
  const input = make('input');
  Object.assign(input, { readOnly: true, value: link });
  label(input, t('link_label'));
  input.addEventListener('focus', () => input.select());
  const copy = make('button', 'primary', t('copy'));
  copy.type = 'button';
  copy.addEventListener('click', async () => {
    if (await copyText(link, input)) copy.textContent = t('copied');
  });
  const hints = [...(onlyHere.test(location.hostname) ? ['share_local'] : []), ...(settings.key ? ['share_key'] : [])];
  const parts = [make('div', 'link', input, copy), ...hints.map((hint) => make('p', 'hint', t(hint)))];
  try {
    parts.unshift(make('div', 'qr', svg(link, t('share_picture'))));
  } catch {
    // Too long for a picture: the link is there.
  }
  box.replaceChildren(...parts);
}

/** @returns whether it has worked */
export async function copyText(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand('copy');
  }
}

export function openShare(settings) {
  const text = make('p', '', t('share_text'));
  const body = make('div');
  showShare(body, settings);
  $('share-body').replaceChildren(text, ...body.childNodes);
  openSheet($('share'));
}

// Missed calls.

/** How many there are that nobody has looked at. */
export function showMissedCount(settings) {
  const count = settings.missed.filter((call) => !call.seen).length;
  $('missed-count').textContent = count > 9 ? '9+' : String(count);
  $('missed-count').hidden = count === 0;
  label($('open-missed'), count === 0 ? t('missed') : t('missed_count', { n: count }));
}

/** @param {(call: object) => string|undefined} idOf the peer to ring back, if it is there @param {(id: string) => void} ring */
export function openMissed(settings, idOf, ring) {
  const format = dateTime();
  const rows = settings.missed.map((call) => {
    const name = tidy(call.name) || '?';
    const why = ['busy', 'dnd', 'gone'].includes(call.why) ? ` · ${t(`why_${call.why}`)}` : '';
    const id = idOf(call);
    return row(name, `${format.format(call.at)}${why}${id ? '' : ` · ${t('not_here')}`}`, 'phone', t('ring_back', { name }), id && (() => ring(id)));
  });
  $('missed-list').replaceChildren(...rows);
  $('missed-none').hidden = rows.length > 0;
  $('missed-clear').hidden = rows.length === 0;
  for (const call of settings.missed) call.seen = true;
  settings.save();
  showMissedCount(settings);
  openSheet($('missed'));
}

function row(name, text, picture, what, act) {
  const button = make('button', 'round yes', icon(picture));
  button.type = 'button';
  label(button, what);
  button.disabled = !act;
  button.addEventListener('click', () => {
    closeSheets();
    act();
  });
  return make('li', '', avatar(name), make('span', 'text', make('span', 'name', name), make('span', 'state', text)), button);
}

/** @param {{id: string, name: string, text: string}[]} stations @param {(id: string) => void} ring */
export function openAdd(stations, ring) {
  $('add-list').replaceChildren(...stations.map(({ id, name, text }) => row(name, text, 'add', t('ring_station', { name }), () => ring(id))));
  $('add-none').hidden = stations.length > 0;
  openSheet($('add'));
}

// Settings.

export class SettingsSheet {
  /** @param {object} settings @param {{moved: () => void, output: () => void, input: () => void, kiosk: () => void}} changed */
  constructor(settings, changed) {
    Object.assign(this, { settings, changed });
    this.preview = new Preview($('set-preview'), $('set-look'), settings);
    this.selects = {
      audioinput: { select: $('set-mic'), setting: 'mic', name: 'microphone' },
      videoinput: { select: $('set-camera'), setting: 'camera', name: 'camera' },
      audiooutput: { select: $('set-speaker'), setting: 'speaker', name: 'speaker' },
    };
    $('set-speaker-label').hidden = !canChooseSpeaker;
    $('settings').addEventListener('close', () => this.#close());
    for (const { select, setting } of Object.values(this.selects)) {
      select.addEventListener('change', () => this.#choose(setting, select.value));
    }
    $('set-volume').addEventListener('input', () => this.#set({ volume: Number($('set-volume').value) }, changed.output));
    $('set-muted').addEventListener('change', () => this.#set({ muted: $('set-muted').checked }));
    $('set-kiosk').addEventListener('change', () => this.#set({ kiosk: $('set-kiosk').checked }, changed.kiosk));
    navigator.mediaDevices?.addEventListener?.('devicechange', () => $('settings').open && this.#fill());
  }

  /** @param {boolean} inCall then only sound and camera are to be changed, and the picture is there already */
  open(inCall) {
    const { name, room, muted, kiosk, volume } = this.settings;
    $('settings-own').hidden = inCall;
    $('set-look').hidden = inCall;
    Object.assign($('set-name'), { value: name });
    Object.assign($('set-room'), { value: room });
    $('set-muted').checked = muted;
    $('set-kiosk').checked = kiosk;
    $('set-volume').value = volume;
    this.#fill();
    openSheet($('settings'));
  }

  #fill() {
    return fillSelects(this.selects, this.settings);
  }

  #choose(setting, value) {
    this.#set({ [setting]: value }, setting === 'speaker' ? this.changed.output : this.changed.input);
    if (this.preview.isOn) this.preview.start().then(() => this.#fill());
  }

  #set(values, tell = () => {}) {
    Object.assign(this.settings, values);
    this.settings.save();
    tell();
  }

  #close() {
    this.preview.stop();
    const name = tidy($('set-name').value) || this.settings.name;
    const room = tidy($('set-room').value) || this.settings.room;
    if (name === this.settings.name && room === this.settings.room) return;
    this.#set({ name, room }, this.changed.moved);
  }
}
