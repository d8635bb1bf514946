// Owns the screen: kept awake while there is a reason to, and dimmed on the wall while nobody is near.

export class Awake {
  #wanted = false;
  #lock = null;

  constructor() {
    // The system takes the lock away whenever the page is hidden.
    document.addEventListener('visibilitychange', () => this.#apply());
  }

  /** @param {boolean} wanted whether the screen is to stay on */
  want(wanted) {
    this.#wanted = wanted;
    this.#apply();
  }

  async #apply() {
    if (!this.#wanted) {
      const lock = this.#lock;
      this.#lock = null;
      return lock?.release?.().catch(() => {});
    }
    if (this.#lock || document.visibilityState !== 'visible' || !navigator.wakeLock) return;
    this.#lock = {};
    try {
      const lock = await navigator.wakeLock.request('screen');
      lock.addEventListener('release', () => this.#lock === lock && (this.#lock = null));
      this.#lock = lock;
      if (!this.#wanted) this.#apply();
    } catch {
      this.#lock = null; // low battery, or not allowed: the screen may sleep
    }
  }
}

/** Shows `overlay` with the time of day after `afterMs` without a touch, a key or a reason to be awake. */
export class Dimmer {
  #timer = 0;
  #isOn = false;

  constructor(overlay, clock, { locale, afterMs }) {
    Object.assign(this, { overlay, clock, afterMs });
    this.time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
    for (const event of ['pointerdown', 'pointermove', 'keydown']) window.addEventListener(event, () => this.wake(), { passive: true });
  }

  /** @param {boolean} isOn whether it may dim now */
  set(isOn) {
    if (isOn === this.#isOn) return;
    this.#isOn = isOn;
    this.wake();
  }

  wake() {
    clearTimeout(this.#timer);
    // The tap that wakes the screen must not press what is under it.
    if (!this.overlay.hidden) setTimeout(() => (this.overlay.hidden = true), this.#isOn ? 300 : 0);
    if (this.#isOn) this.#timer = setTimeout(() => this.#dim(), this.afterMs);
  }

  #dim() {
    this.overlay.hidden = false;
    const tick = () => {
      if (this.overlay.hidden) return;
      this.clock.textContent = this.time.format(new Date());
      setTimeout(tick, 60_000 - (Date.now() % 60_000));
    };
    tick();
  }
}
