//! suzu (鈴, a small bell): a WebRTC signaling server for small boards.
pub mod config;
pub mod http;
pub mod net;
pub mod server;
pub mod signaling;
pub mod slots;
