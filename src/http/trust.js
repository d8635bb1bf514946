// Finds out whether this browser trusts the server's certificate: an https request succeeds only if it does.

const link = document.querySelector('#secure');
const states = document.querySelectorAll('[data-state]');
/** When to look again: somebody may be installing the certificate right now, or has left the page open for a week. */
let againAfterMs = 2000;
const againAfterMsMost = 60_000;
let timer;

function show(state) {
  for (const element of states) element.hidden = element.dataset.state !== state;
}

async function look() {
  try {
    await fetch(new URL('/.ok', link.href), { mode: 'no-cors', cache: 'no-store' });
    show('trusted');
  } catch {
    show('untrusted');
    timer = document.hidden ? undefined : setTimeout(look, againAfterMs);
    againAfterMs = Math.min(againAfterMs * 1.5, againAfterMsMost);
  }
}

// Back from the settings, most likely.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  clearTimeout(timer);
  againAfterMs = 2000;
  look();
});

// The steps for this device first.
const agent = navigator.userAgent;
const isIPad = /Macintosh/.test(agent) && navigator.maxTouchPoints > 1;
const own = [
  ['firefox', /Firefox|FxiOS/.test(agent) && !/Android/.test(agent)],
  ['ios', /iPhone|iPad|iPod/.test(agent) || isIPad],
  ['android', /Android/.test(agent)],
  ['windows', /Windows/.test(agent)],
  ['macos', /Macintosh/.test(agent)],
  ['linux', /Linux|CrOS/.test(agent)],
].find(([, is]) => is)?.[0];
document.querySelector(`#${own}`)?.setAttribute('open', '');

look();
