// Owns a server that a scenario may stop and start again on the same port. The program is the one in SUZU_BIN,
// with what runs it, if anything does, in the lines before.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const startMsMost = 5_000;

export const isGiven = () => Boolean(process.env.SUZU_BIN);

/** @param {string[]} [args] Settings besides the address. */
export async function startServer(args = []) {
  const port = await freePort();
  let running = await start(port, args);
  return {
    url: `ws://127.0.0.1:${port}`,
    /** Ends it without a goodbye to anybody: SIGKILL. */
    async stop() {
      if (running.exitCode !== null || running.signalCode !== null) return;
      const gone = once(running, 'exit');
      running.kill('SIGKILL');
      await gone;
    },
    async start() {
      running = await start(port, args);
    },
  };
}

async function start(port, args) {
  const [program, ...words] = process.env.SUZU_BIN.split('\n');
  const server = spawn(program, [...words, '--listen', `127.0.0.1:${port}`, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout });
  const deadline = setTimeout(() => server.kill('SIGKILL'), startMsMost);
  try {
    for await (const line of lines) if (line.startsWith('listening')) return server;
  } finally {
    clearTimeout(deadline);
    server.stdout.resume();
  }
  throw new Error(`${process.env.SUZU_BIN} did not start on port ${port}`);
}

/** A port that is free now. Nobody else may take it before we do; nothing here asks for ports of its own choice. */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
