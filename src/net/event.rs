//! What a connection says to the loop: what one read brought, and what happened.

use super::websocket::{self, Fault};
use crate::http::{admin, asked::Asked, copied::Copied, upgrade::Wishes};
use std::net::IpAddr;
use tungstenite::{Bytes, Utf8Bytes};

/// What happened on a connection, for the loop to act on.
#[derive(Debug)]
pub enum Event {
    /// It became a WebSocket; the 101 is queued.
    Upgraded {
        /// Which of [`Site::endpoints`](crate::http::routes::Site::endpoints).
        endpoint: usize,
        /// What else the request asks for.
        wishes: Wishes,
        /// Where the client is, whatever is between.
        address: IpAddr,
        /// What of its head is handed on.
        copied: Option<Copied>,
    },
    /// A request got an answer that ends the connection; it is queued.
    Answered {
        /// The HTTP status.
        status: u16,
        /// What was wrong, where the status says too little.
        why: Option<String>,
        /// What was asked.
        asked: Asked,
    },
    /// A request for what was counted; likewise.
    Metrics {
        /// Only the head of the answer.
        is_head: bool,
        /// What was asked.
        asked: Asked,
    },
    /// A request for which there is no answer yet: [`Connection::answer`](super::connection::Connection::answer) gives it.
    Admin(admin::Action),
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A WebSocket ping; its pong is queued.
    Ping,
    /// A WebSocket pong.
    Pong,
    /// The peer closes the WebSocket, or confirms our close.
    Closed,
    /// The peer did wrong; a close frame that says so is queued, and nothing more will be read.
    Failed(Fault),
}

/// What one read brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// So many bytes at the beginning of the buffer.
    Bytes {
        /// How many; none if TLS spoke only to itself.
        count: usize,
        /// Whether nothing more is to be read now.
        is_drained: bool,
    },
    /// Nothing for now.
    Nothing,
    /// The peer has finished or is gone.
    End,
    /// The peer broke the rules of TLS; the alert that says so is queued, and nothing more will be read. The text is for the log, empty if that was
    /// written already.
    Failed(String),
}

impl From<websocket::Received> for Event {
    fn from(received: websocket::Received) -> Self {
        use websocket::Received;
        match received {
            Received::Text(text) => Self::Text(text),
            Received::Binary(bytes) => Self::Binary(bytes),
            Received::Ping => Self::Ping,
            Received::Pong => Self::Pong,
            Received::Close => Self::Closed,
        }
    }
}
