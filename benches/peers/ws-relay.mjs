// The least that a relay with the package ws is: two whose paths are /2k and /2k+1 get each other's messages.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const server = createServer();
const sockets = new Map();
new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, request) => {
  const number = Number(request.url.slice(1));
  sockets.set(number, socket);
  socket.on("message", (data, isBinary) => sockets.get(number ^ 1)?.send(data, { binary: isBinary }));
  socket.on("close", () => sockets.get(number) === socket && sockets.delete(number));
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
