// Owns a TCP proxy in front of the server that can make a client vanish. After `freeze` the connections of that moment
// stay open on the server's side and not a byte passes in either direction any more, no FIN either, whatever the client
// does; connections made later pass as before. `cut` ends them, and lets nobody in until `restore`.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export async function startProxy(targetUrl) {
  const target = new URL(targetUrl);
  const links = new Set();
  let isCut = false;

  const server = createServer((client) => {
    if (isCut) return client.resetAndDestroy();
    const upstream = connect(Number(target.port || 80), target.hostname);
    const link = { client, upstream, frozen: false, endedByServer: false };
    links.add(link);
    pass(link, client, upstream);
    pass(link, upstream, client);
    upstream.on('close', () => (link.endedByServer = true));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const url = new URL(targetUrl);
  url.port = server.address().port;
  return {
    url: url.href,
    /** Freezes every open connection and returns them; `endedByServer` tells when the server gave one up. */
    freeze() {
      const open = [...links].filter((link) => !link.frozen && !link.endedByServer && !link.client.destroyed);
      for (const link of open) link.frozen = true;
      return open;
    },
    /**
     * Cuts every open connection and resolves when the clients have lost theirs. What a client still sends is lost. What the
     * server had sent, and sends before it notices, arrives.
     */
    async cut() {
      isCut = true;
      await Promise.all([...links].filter(({ client }) => !client.destroyed).map(cutLink));
    },
    /** New connections pass again. */
    restore() {
      isCut = false;
    },
    close() {
      server.close();
      for (const { client, upstream } of links) {
        client.destroy();
        upstream.destroy();
      }
    },
  };
}

async function cutLink(link) {
  link.isCut = true;
  const { client, upstream } = link;
  upstream.end();
  await once(upstream, 'close');
  // Everything that came from upstream has been handed to the system; a reset would take it away from the client again.
  client.end();
  await once(client, 'close');
}

/** Forwards bytes, the end and the abort of one direction for as long as the link is not frozen; then swallows them. */
function pass(link, from, to) {
  from.setNoDelay(true);
  from.on('data', (bytes) => link.frozen || (link.isCut && from === link.client) || to.write(bytes));
  from.on('error', () => link.frozen || to.destroy());
  from.on('close', () => link.frozen || to.end());
}
