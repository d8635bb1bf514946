//! HTTP on the signaling port, as pure functions: bytes in, bytes out.
//!
//! [`request`] finds the head of a request, [`routes`] decides what it gets, [`upgrade`] checks a WebSocket
//! handshake (RFC 6455 section 4.2), [`response`] writes the answer, [`reply`] is the other side (what we ask others), [`copied`] what is
//! handed on to them, [`admin`] what those who look after the server may ask, [`asked`] what is counted, and [`assets`], [`pages`]
//! and [`trust`] have what people look at. One request a
//! connection: every answer but the 101 says `Connection: close`.

pub mod admin;
pub mod asked;
#[cfg_attr(not(feature = "web"), path = "no_assets.rs")]
pub mod assets;
pub mod copied;
pub mod forwarded;
pub mod gate;
pub mod origin;
pub mod pages;
mod pattern;
pub mod reply;
pub mod request;
pub mod response;
pub mod routes;
#[cfg_attr(not(feature = "tls"), path = "no_trust.rs")]
pub mod trust;
pub mod upgrade;
