// The official server of PeerJS, as its package has it, with room for more clients, who send no heartbeats.
import { PeerServer } from "peer";

const options = { host: "127.0.0.1", port: 0, path: "/", concurrent_limit: 10_000, alive_timeout: 86_400_000 };
PeerServer(options, (server) => console.log(`listening on http://127.0.0.1:${server.address().port}`));
