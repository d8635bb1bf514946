// Owns waiting for a condition that has to be asked for again and again.

import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

const pollMs = 25;

/**
 * Waits until `look()`, which may be async, gives something truthy, and resolves with that; fails with what was missing and
 * with `context()`. For pages, not playwright's waitForFunction: with a polling interval that takes an async function's
 * promise for a yes.
 */
export async function until(what, look, deadlineMs, context = () => '') {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`no ${what} within ${deadlineMs} ms; ${await context()}`);
    await pause(pollMs);
  }
}
