// Owns what this station remembers: its settings, its missed calls and its last closes. The URL wins over what is
// remembered, and is remembered itself: `?room=home&name=Kitchen&auto=answer&kiosk=1`. docs/intercom.md lists them all.

const key = 'suzu.intercom';
const missedMost = 50;
const closesMost = 10;
export const nameMost = 64;

const defaults = {
  room: 'home', name: '', auto: false, kiosk: false, lang: '', key: '', ringSec: 30, dimSec: 60,
  state: 'free', muted: false, volume: 100, mic: '', camera: '', speaker: '', missed: [], closes: [],
};

/** Fit to be shown: without control and direction characters, and at most 64 characters long. */
export function tidy(text) {
  if (typeof text !== 'string') return '';
  // Cut before and after: a name may be as long as a message.
  const plain = text.slice(0, 8 * nameMost).replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, ' ').replace(/\s+/g, ' ').trim();
  const characters = [...plain];
  return characters.length > nameMost ? `${characters.slice(0, nameMost - 1).join('')}…` : plain;
}

const isYes = (value) => ['1', 'true', 'yes', 'on', ''].includes(value);
const seconds = (value, otherwise) => (/^\d{1,4}$/.test(value ?? '') && Number(value) > 0 ? Number(value) : otherwise);

/** The settings: plain properties, and `save()` after changing some. */
export class Settings {
  /** @param {{ search: string, hash: string }} location @param {Storage|null} storage null remembers nothing */
  constructor(location, storage) {
    Object.assign(this, defaults, remembered(storage));
    Object.defineProperty(this, 'storage', { value: storage });
    this.#readUrl(new URLSearchParams(location.search), new URLSearchParams(location.hash.slice(1)));
    this.save();
  }

  #readUrl(query, hash) {
    for (const part of ['room', 'name', 'lang', 'key']) {
      const value = hash.get(part) ?? query.get(part);
      if (value !== null) this[part] = part === 'key' ? value : tidy(value);
    }
    this.room ||= defaults.room;
    if (query.has('auto')) this.auto = query.get('auto') === 'answer' || isYes(query.get('auto'));
    if (query.has('kiosk')) this.kiosk = isYes(query.get('kiosk'));
    this.ringSec = seconds(query.get('ring_sec'), this.ringSec);
    this.dimSec = seconds(query.get('dim_sec'), this.dimSec);
  }

  save() {
    try {
      this.storage?.setItem(key, JSON.stringify(this));
    } catch {
      // Full or forbidden: this station forgets, and works.
    }
  }

  addMissed(call) {
    this.missed = [call, ...this.missed].slice(0, missedMost);
    this.save();
  }

  addClose(close) {
    this.closes = [close, ...this.closes].slice(0, closesMost);
    this.save();
  }
}

/** What an earlier visit left, as far as it is of the right kinds. */
function remembered(storage) {
  try {
    const saved = JSON.parse(storage?.getItem(key) ?? '{}') ?? {};
    const kept = Object.entries(defaults).filter(([name, value]) => typeof saved[name] === typeof value);
    const settings = Object.fromEntries(kept.map(([name]) => [name, saved[name]]));
    for (const list of ['missed', 'closes']) if (!Array.isArray(settings[list])) delete settings[list];
    settings.missed = (settings.missed ?? []).filter((call) => typeof call?.at === 'number').slice(0, missedMost);
    return settings;
  } catch {
    return {};
  }
}

/** localStorage, or null where the browser refuses it. */
export function localStore() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

/** The link that another device opens: the room and, where there is one, the key; never the name of this station. */
export function shareLink({ room, key }, origin) {
  return `${origin}/?room=${encodeURIComponent(room)}${key ? `#key=${encodeURIComponent(key)}` : ''}`;
}
