// Owns every sound that is not a voice: a small bell made of sine waves, and the tap that browsers want before any sound.

/** A small bell's partials: how many times the strike tone, how loud, how long (seconds). */
const partials = [[0.5, 0.22, 2.6], [1, 1, 2.0], [1.19, 0.35, 1.5], [2.0, 0.45, 1.1], [2.74, 0.32, 0.7], [3.76, 0.16, 0.45], [5.41, 0.08, 0.25]];
const high = 1318.5;
const low = 1046.5;

export class Bell extends EventTarget {
  #context = null;
  #timer = 0;
  #playing = '';
  /** What is to be heard now can be silenced at once. */
  #out = null;

  /** Whether the browser keeps us silent until somebody taps. */
  get isLocked() {
    return this.#context?.state !== 'running';
  }

  /** To be called in a tap's handler; on other occasions it works only where the browser has no such rule. */
  unlock() {
    if (!this.#context) {
      const Context = window.AudioContext ?? window.webkitAudioContext;
      if (!Context) return;
      this.#context = new Context();
      this.#context.onstatechange = () => this.dispatchEvent(new Event('change'));
    }
    if (this.#context.state !== 'running') this.#context.resume().catch(() => {});
  }

  /** Somebody rings here: two tones, again and again. */
  ring() {
    this.#repeat('ring', 2600, () => {
      this.#strike(high, 0, 0.3);
      this.#strike(low, 0.45, 0.3);
      navigator.vibrate?.([250, 150, 250]);
    });
  }

  /** It rings there: the same bell, far away. */
  ringback() {
    this.#repeat('ringback', 3200, () => {
      this.#strike(high / 2, 0, 0.07);
      this.#strike(low / 2, 0.45, 0.07);
    });
  }

  /** One soft stroke: somebody has joined or left. */
  chime(isUp) {
    this.#strike(isUp ? low : low * 0.75, 0, 0.12);
  }

  stop() {
    if (!this.#playing) return;
    clearInterval(this.#timer);
    if (this.#playing === 'ring') navigator.vibrate?.(0);
    this.#playing = '';
    this.#out?.gain.setTargetAtTime(0, this.#context.currentTime, 0.08);
    this.#out = null;
  }

  #repeat(what, ms, strike) {
    if (this.#playing === what) return;
    this.stop();
    this.#playing = what;
    strike();
    this.#timer = setInterval(strike, ms);
  }

  #strike(tone, delay, loudness) {
    if (this.isLocked) return;
    const context = this.#context;
    const start = context.currentTime + delay + 0.01;
    if (!this.#out) {
      this.#out = context.createGain();
      this.#out.connect(context.destination);
    }
    for (const [ratio, part, seconds] of partials) {
      const wave = context.createOscillator();
      const gain = context.createGain();
      wave.frequency.value = tone * ratio;
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(loudness * part * 0.5, start + 0.006);
      gain.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
      wave.connect(gain).connect(this.#out);
      wave.start(start);
      wave.stop(start + seconds);
    }
  }
}
