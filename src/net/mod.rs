//! Sockets: the only folder that names mio's TCP types and tungstenite.
//!
//! [`listener`] takes connections in, [`stream`] is one byte stream, [`websocket`] its frames and [`connection`] its life
//! from the first byte to the last. Nothing in here decides who may talk to whom.

pub mod connection;
pub mod listener;
pub mod stream;
pub mod websocket;
