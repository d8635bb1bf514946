//! Who broke a rule of WebSockets, and how: each fault has its close code (RFC 6455 section 7.4.1).

use std::fmt;
use tungstenite::{
    Error,
    error::{CapacityError, ProtocolError},
};

/// What a peer did wrong, so that its connection must end.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// It broke RFC 6455.
    Protocol(String),
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message over the limit.
    TooLarge {
        /// What is allowed.
        max_bytes: usize,
    },
    /// It does not read what is sent to it, and its queue is full.
    QueueFull,
}

impl Fault {
    /// The close code of RFC 6455 section 7.4.1.
    pub fn code(&self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge { .. } => 1009,
            Self::QueueFull => 1008,
        }
    }

    /// The reason in the close frame.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Protocol(_) => "protocol error",
            Self::NotUtf8 => "text must be UTF-8",
            Self::TooLarge { .. } => "message too large",
            Self::QueueFull => "too slow",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(what) => f.write_str(what),
            Self::NotUtf8 => f.write_str("text that is not UTF-8"),
            Self::TooLarge { max_bytes } => {
                write!(f, "a message of more than {max_bytes} bytes (max_message_bytes)")
            }
            Self::QueueFull => f.write_str("it does not read, and its queue is full (max_queue_bytes)"),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
                Self::TooLarge { max_bytes: max_size }
            }
            Error::Utf8(_) => Self::NotUtf8,
            Error::Protocol(ProtocolError::InvalidCloseSequence) => {
                Self::Protocol("a malformed close frame".to_owned())
            }
            error => Self::Protocol(error.to_string()),
        }
    }
}
