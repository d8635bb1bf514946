//! Sockets: the only folder that names mio's sockets, tungstenite and rustls.
//!
//! [`listener`] takes connections in, [`stream`] is one byte stream, plain or inside [`tls`], [`websocket`] its frames and [`connection`] its
//! life from the first byte to the last, of which [`event`] tells; [`webhook`] asks other servers, and [`ask`] this one. Nothing in here decides who may talk to whom.

pub mod address;
pub mod ask;
pub mod certificates;
pub mod connection;
pub mod contexts;
pub mod event;
mod fault;
pub mod listener;
pub mod socket;
pub mod stream;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
pub mod tls;
pub mod webhook;
pub mod websocket;
