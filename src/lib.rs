//! suzu (鈴, a small bell): a WebRTC signaling server for small boards.
//!
//! Two browsers, cameras or robots can talk directly, but something must introduce them. suzu passes on their offers, answers and
//! ICE candidates. It is one thread, one mio loop over non-blocking sockets, and tables whose size is fixed at the start.
//!
//! # The map
//!
//! | module | what it is | what it must not know |
//! |---|---|---|
//! | [`server`] | the loop: owns the sockets, the hub and the clock; does what the hub wants done | |
//! | [`signaling`] | the pure core: who is there, who sits with whom, what a message means | sockets, clock, randomness, mio |
//! | [`http`] | pure: the head of a request in, an answer out; the pages of `src/web` | sockets, signaling |
//! | [`net`] | sockets, TLS, certificates and WebSocket frames | signaling, configuration |
//! | [`config`] | settings from file and command line to each part's limits | the loop |
//! | [`deadlines`] | who is due next, of many | everything but [`slots`] |
//! | [`host`] | the machine around it: the log, what it is called, where it lets us keep something, signals, the service manager | the loop |
//! | [`addresses`] | what is counted per address, in a table of fixed size | sockets, clock |
//! | [`probe_command`] | `suzu probe`: asks a server whether it is well | files, clock |
//! | [`token_command`] | `suzu token`: pure, arguments in, a link out | files, clock |
//! | [`metrics`] | what is counted, and how Prometheus is told | sockets, clock, configuration; addresses, rooms and ids |
//! | [`lan`] | which addresses and names are local | everything |
//! | [`networks`] | addresses that begin alike, and from where clients may come | everything but [`lan`] |
//! | [`percent`] | percent-encoding | everything |
//! | [`secret_file`] | files with keys in them | everything |
//! | [`slots`] | tables of fixed size whose keys cannot be mistaken | everything |
//! | [`timestamp`] | times in words, and the calendar | everything |
//!
//! # The data's way
//!
//! ```text
//! socket -> net::stream (TLS inside, if the first byte says so) -> net::connection
//!   ExpectHead: http::request -> http::routes -> page / health / metrics / refusal -> Parting -> Draining
//!                                             -> upgrade: 101, then frames
//!   Open:       net::websocket -> text
//! server: hub.handle(Input::Text { peer, text }, now, &mut out)
//!   hub -> session -> dialect (decode once, decide) -> rooms (who else?) -> out.push(Effect)
//! server.apply: Send, Relay -> the receiver's WebSocket, whose write buffer is the outgoing queue; marked dirty
//!               Ask, Report -> a webhook; whoever is asked about is not read until the verdict
//!               Close       -> a close frame; marked, and given a deadline to end
//! end of the turn: flush_dirty (the only writer), reap_doomed (the only place that frees)
//! ```
//!
//! ARCHITECTURE.md says why.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod addresses;
pub mod config;
pub mod deadlines;
pub mod host;
pub mod http;
pub mod lan;
pub mod metrics;
pub mod net;
pub mod networks;
pub mod percent;
pub mod probe_command;
pub mod secret_file;
pub mod server;
pub mod signaling;
pub mod slots;
pub mod timestamp;
pub mod token_command;
