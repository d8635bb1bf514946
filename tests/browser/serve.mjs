// Owns a server for working on the page: the files of src/web as they are now, with the headers that suzu sends, and every
// WebSocket handed through to a running suzu. Usage: node serve.mjs http://127.0.0.1:SUZU [PORT]

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const folder = new URL('../../src/web/', import.meta.url);
const types = {
  html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml', webmanifest: 'application/manifest+json',
};
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; " +
    "connect-src 'self' ws: wss: https:; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'permissions-policy': 'camera=(self), microphone=(self), display-capture=(), geolocation=(), fullscreen=(self), screen-wake-lock=(self)',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** @param {string} suzuUrl where suzu listens @returns {Promise<{url: string, close: () => void}>} */
export async function serve(suzuUrl, port = 0, host = '127.0.0.1') {
  const suzu = new URL(suzuUrl);
  const server = createServer(async ({ url }, response) => {
    const name = { '/': 'index.html', '/diagnostics': 'diagnostics.html' }[url.split('?')[0]] ?? url.split('?')[0].slice(1);
    const type = types[name.split('.')[1]];
    try {
      if (!type || name.includes('/')) throw new Error('no such file');
      response.writeHead(200, { ...headers, 'content-type': type }).end(await readFile(new URL(name, folder)));
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  const sockets = new Set();
  server.on('upgrade', (request, client, head) => {
    const upstream = connect(Number(suzu.port || 80), suzu.hostname, () => {
      const lines = request.rawHeaders.reduce((text, part, index) => text + part + (index % 2 ? '\r\n' : ': '), '');
      upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines}\r\n`);
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    for (const [one, other] of [[client, upstream], [upstream, client]]) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    url: `http://${host}:${server.address().port}`,
    close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [suzuUrl, port = '8080'] = process.argv.slice(2);
  if (!suzuUrl) {
    console.error('usage: node serve.mjs http://127.0.0.1:SUZU [PORT]');
    process.exit(2);
  }
  console.log(`${(await serve(suzuUrl, Number(port))).url}/`);
}
