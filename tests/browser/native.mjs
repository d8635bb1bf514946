// Owns what WebRTC needs in plain Node: the real WebRTC of @roamhq/wrtc and the WebSocket of ws, or a clear word that they are not there.
// Exit code then: 77 (automake's code for skipped).

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const packages = ['@open-ayame/ayame-web-sdk', '@roamhq/wrtc', 'ws'];
if (!packages.every((name) => existsSync(new URL(`node_modules/${name}/package.json`, import.meta.url)))) {
  skip('npm ci in tests/browser');
}
export const wrtc = binding();
export const { WebSocket } = await import('ws');

function binding() {
  try {
    return createRequire(import.meta.url)('@roamhq/wrtc');
  } catch (error) {
    // npm has no binary of it for every machine.
    return skip(`a binary of @roamhq/wrtc for ${process.platform}-${process.arch} (${error.code ?? error.message.split('\n')[0]})`);
  }
}

function skip(need) {
  console.log(`skipped: needs ${need}`);
  process.exit(77);
}
