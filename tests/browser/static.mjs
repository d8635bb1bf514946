// Owns the HTTP server of the pages under test: these files, nothing else, on a loopback port of the system's choice.
// http://127.0.0.1 is a secure context, which the SDK (crypto.randomUUID) and getUserMedia need.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';

const here = (path) => new URL(path, import.meta.url);
const sdk = ['text/javascript', here('node_modules/@open-ayame/ayame-web-sdk/dist/ayame.mjs')];
const files = {
  '/': ['text/html', here('page.html')],
  '/page.mjs': ['text/javascript', here('page.mjs')],
  '/ayame.mjs': sdk,
  // The clients of the documentation, exactly as it has them.
  '/clients/ayame.mjs': sdk,
};
// The client of src/web, exactly as the server has it, and the page that drives it.
files['/station'] = ['text/html', here('station.html')];
files['/station-page.mjs'] = ['text/javascript', here('station-page.mjs')];
files['/client-example'] = ['text/html', here('../../docs/client.md'), (text) => /```html\n(.*?)```/s.exec(text)[1]];
for (const name of ['suzu.js', 'suzu-call.js', 'suzu-socket.js']) {
  files[`/${name}`] = ['text/javascript', here(`../../src/web/${name}`)];
}
for (const name of ['ayame', 'mailbox', 'mesh', 'relay']) {
  files[`/clients/${name}.html`] = ['text/html', here(`../../docs/dialects/clients/${name}.html`)];
}

/** What is at a path: `{ status, contentType, body }`. */
export async function answer(path) {
  const [contentType, file, part = (text) => text] = files[path.split('?')[0]] ?? [];
  if (file === undefined) return { status: 404, contentType: 'text/plain', body: '' };
  try {
    return { status: 200, contentType, body: part(await readFile(file, 'utf8')) };
  } catch (error) {
    return { status: 500, contentType: 'text/plain', body: error.message };
  }
}

export async function servePage() {
  const server = createServer(async (request, response) => {
    const { status, contentType, body } = await answer(request.url);
    response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
