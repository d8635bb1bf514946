// Owns the one Chromium of a run: where it is, how it is started, and that it ends. Scenarios get contexts of it, never
// tabs of one window: background tabs are throttled.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  // ICE candidates on the loopback interface, the only one there may be where tests run.
  '--allow-loopback-in-peer-connection',
  // The page listens to the remote audio without anybody having clicked.
  '--autoplay-policy=no-user-gesture-required',
];

export const isInstalled = () => existsSync(executablePath);

/**
 * The caller closes the browser, on every path out; so playwright's own signal handlers stay out of the way.
 * @param {{home?: string, without?: string[], and?: string[]}} [change] the home directory, which says what authorities it trusts besides
 *   its own; flags to leave out (by their beginnings) and to add
 */
export function launch({ home = process.env.HOME, without = [], and = [] } = {}) {
  return chromium.launch({
    executablePath,
    args: [...flags.filter((flag) => !without.some((start) => flag.startsWith(start))), ...and],
    env: { ...process.env, HOME: home },
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    timeout: 30_000,
  });
}
