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
for (const name of ['ayame', 'mailbox', 'mesh', 'relay']) {
  files[`/clients/${name}.html`] = ['text/html', here(`../../docs/dialects/clients/${name}.html`)];
}

export async function servePage() {
  const server = createServer(async (request, response) => {
    const file = files[request.url.split('?')[0]];
    if (file === undefined) return response.writeHead(404).end();
    const [type, path] = file;
    try {
      const body = await readFile(path);
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    } catch (error) {
      response.writeHead(500).end(error.message);
    }
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
