// Owns who is there: what stations say about themselves, and the grid that shows it.
//
// A station says to everybody, when it comes and when something changes, and to each newcomer:
//   { "suzu": "station", "v": 1, "state": "free"|"call"|"away"|"dnd", "auto": true if it answers by itself,
//     "can": false if it cannot be rung at all, "ask": true if it wants to be told the same }
// Its name is the `name` of its mesh seat. Whatever else it says is ignored.

import { label, t } from './i18n.js';
import { tidy } from './settings.js';

const states = ['free', 'call', 'away', 'dnd'];

/** Peers that are no stations say so in their `meta`. */
export const isStation = (peer) => peer.meta?.suzu !== 'diagnostics';

/** @returns {{state: string, auto: boolean, can: boolean}|null} null if that is not about a station */
export function readStation(data) {
  if (data?.suzu !== 'station') return null;
  const state = states.includes(data.state) ? data.state : 'unknown';
  return { state, auto: data.auto === true && state !== 'dnd', can: data.can !== false };
}

/** What to call a peer. */
export function nameOf(peer) {
  return tidy(peer?.name) || t('unnamed', { id: String(peer?.id ?? '').slice(0, 4) });
}

/** The first character of a name, whole even if it is a family of emoji. */
export function initialOf(name) {
  const [first] = typeof Intl.Segmenter === 'function' ? new Intl.Segmenter().segment(name) : [{ segment: [...name][0] }];
  return (first?.segment ?? '?').toUpperCase();
}

/** One of eight calm colours, the same for the same name everywhere. */
export function hueOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return String(sum % 8);
}

export function avatar(name) {
  const element = document.createElement('span');
  element.className = 'avatar';
  element.dataset.hue = hueOf(name);
  element.setAttribute('aria-hidden', 'true');
  element.textContent = initialOf(name);
  return element;
}

const svgSpace = 'http://www.w3.org/2000/svg';

export function icon(name) {
  const svg = document.createElementNS(svgSpace, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(svgSpace, 'use'));
  svg.firstChild.setAttribute('href', `#i-${name}`);
  return svg;
}

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

export class Stations {
  #said = new Map();
  #tiles = new Map();

  /** @param {HTMLElement} list @param {(peerId: string, media: string) => void} ring */
  constructor(list, ring) {
    Object.assign(this, { list, ring });
  }

  /** @returns whether the message was about a station */
  hear(from, data) {
    const station = readStation(data);
    if (station) this.#said.set(from, station);
    return station !== null;
  }

  /** Whether one of these has not said anything about itself yet. */
  lacks(peers) {
    return [...peers].some((peer) => isStation(peer) && !this.#said.has(peer.id));
  }

  forget(id) {
    this.#said.delete(id);
  }

  stateOf(id) {
    return this.#said.get(id) ?? { state: 'unknown', auto: false, can: true };
  }

  /** What a tile says below the name. */
  text(id) {
    const { state, auto, can } = this.stateOf(id);
    if (!can) return t('cannot_answer');
    return [t(`state_${state}`), ...(auto ? [t('answers_itself')] : [])].join(' · ');
  }

  /** Shows these peers; tiles that stay keep their place and the focus. */
  show(peers, { canRing }) {
    const shown = [...peers].filter(isStation);
    for (const [id, tile] of this.#tiles) {
      if (shown.some((peer) => peer.id === id)) continue;
      tile.item.remove();
      this.#tiles.delete(id);
    }
    for (const peer of shown) {
      if (!this.#tiles.has(peer.id)) this.#add(peer.id);
      this.#update(peer, canRing);
    }
    return shown.length;
  }

  #add(id) {
    const name = make('span', 'name');
    const face = make('span', 'face');
    const state = make('span', 'state');
    const ring = make('button', 'station', face, make('span', 'text', make('span', 'unseen', `${t('ring')} `), name, ' ', state));
    const voice = make('button', 'round', icon('mic'));
    ring.type = voice.type = 'button';
    ring.addEventListener('click', () => this.ring(id, 'video'));
    voice.addEventListener('click', () => this.ring(id, 'audio'));
    const item = make('li', '', ring, voice);
    this.list.append(item);
    this.#tiles.set(id, { item, ring, voice, name, face, state });
  }

  #update(peer, canRing) {
    const { item, ring, voice, name, face, state } = this.#tiles.get(peer.id);
    const { state: kind, auto, can } = this.stateOf(peer.id);
    const shownName = nameOf(peer);
    if (name.textContent !== shownName) {
      name.textContent = shownName;
      face.replaceChildren(avatar(shownName));
    }
    item.dataset.state = can ? kind : 'unknown';
    item.dataset.auto = String(auto);
    state.textContent = this.text(peer.id);
    label(voice, t('ring_voice', { name: shownName }));
    ring.disabled = voice.disabled = !canRing || !can;
  }
}
