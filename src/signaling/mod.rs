//! The pure core: who is there, who sits with whom, and who must hear what.
//!
//! There is no socket here, no clock, no source of randomness and no mio: whatever happened comes in as an
//! [`Input`] together with the time ([`Now`]), whatever must happen goes out as an [`Effect`]. So a test runs an
//! hour in a millisecond, and nothing in here can fail for a reason outside. This file is the vocabulary; the story begins
//! in [`hub`].

mod ayame;
mod ceiling;
mod check;
pub mod close;
pub mod counts;
pub mod credentials;
pub mod dialect;
mod entry;
pub mod hub;
pub mod ice;
mod ids;
pub mod kind;
mod mailbox;
mod members;
mod mesh;
pub mod rate;
mod rejections;
mod relay;
mod rooms;
pub mod roster;
mod said;
mod seating;
mod session;
pub mod token;
pub mod verdict;
mod who;

use std::{borrow::Cow, net::IpAddr, time::Duration};

pub use crate::slots::Key as PeerId;
pub use ayame::{IceServer, Register};
pub use close::{Close, Misspoke, Refusal};
pub use dialect::Dialect;
pub use hub::Hub;
pub use kind::Kind;
pub use mesh::WAITING_BYTES;
pub use said::Said;
use serde_json::value::RawValue;
pub use verdict::SessionEnd;
pub use who::{ConnectionId, Who};

/// A point on the monotonic clock: milliseconds since the server started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(u64);

impl Mono {
    /// The start.
    pub const START: Self = Self(0);

    /// The point this many milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The point `duration` later, to the millisecond.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whichever comes first, if either does.
    pub fn earlier(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if a < b { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// What time it is: read once a turn by the loop, handed on to everybody.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines: never runs backwards.
    pub mono: Mono,
    /// For ids: milliseconds since 1970 by the board's clock, right or wrong.
    pub unix_ms: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A WebSocket is open; nothing was said on it yet.
    Open {
        /// The name by which everything later refers to this peer.
        peer: PeerId,
        /// The protocol it speaks.
        dialect: Dialect,
        /// Where it comes from, for what is counted per address.
        address: IpAddr,
        /// The room that the URL named (`?room=`); empty if it named none. Only some dialects look at it.
        room: &'a str,
        /// The key or token that came with the upgrade, if one did.
        credential: Option<&'a str>,
    },
    /// A text message arrived.
    Text {
        /// Who sent it.
        peer: PeerId,
        /// The whole message.
        text: &'a str,
    },
    /// A binary message arrived.
    Binary {
        /// Who sent it.
        peer: PeerId,
        /// The whole message.
        bytes: &'a [u8],
    },
    /// A WebSocket pong arrived: the peer is alive.
    Pong {
        /// Who sent it.
        peer: PeerId,
    },
    /// A WebSocket ping arrived (its pong is the connection's business).
    Ping {
        /// Who sent it.
        peer: PeerId,
    },
    /// The answer to an [`Effect::Ask`].
    Verdict {
        /// Whom it is about.
        peer: PeerId,
        /// What was decided.
        verdict: Verdict,
    },
    /// The socket ended or was given up, whatever the reason; nothing can be sent to this peer any more.
    Ended {
        /// Whose socket.
        peer: PeerId,
    },
    /// A message for this peer did not fit its queue; its connection is being closed, and nothing can be sent to it any more.
    Overflowed {
        /// Whose queue.
        peer: PeerId,
    },
    /// Whoever looks after the server lets this peer go.
    Dismiss {
        /// Who is let go.
        peer: PeerId,
    },
    /// Whoever looks after the server ends all rooms of this name.
    DismissRoom {
        /// Their name.
        name: &'a str,
    },
    /// The server is stopping and lets this peer go: a farewell, then Close 1001.
    Stop {
        /// Who is let go.
        peer: PeerId,
    },
}

/// What must be done now, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Send a text message.
    Send {
        /// To whom.
        to: PeerId,
        /// What it is.
        kind: Kind,
        /// The message.
        text: Cow<'static, str>,
    },
    /// Send a binary message.
    SendBinary {
        /// To whom.
        to: PeerId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Send a text message that has waited for this peer. It counts in no queue: it was in one already.
    SendWaiting {
        /// To whom.
        to: PeerId,
        /// What it is.
        kind: Kind,
        /// The message.
        text: Box<str>,
    },
    /// Send on the very message of the [`Input::Text`] or [`Input::Binary`] being handled, byte for byte; what it is, [`Hub::arrived`] says.
    Relay {
        /// To whom.
        to: PeerId,
    },
    /// Send a WebSocket ping.
    Ping {
        /// To whom.
        to: PeerId,
    },
    /// A credential was refused: whoever counts guesses counts this one.
    Refused {
        /// Whose.
        peer: PeerId,
        /// Why, for the log. There is nothing secret in it.
        denial: credentials::Denial,
    },
    /// Ask the authority whether this peer may register; its text is not read until the [`Input::Verdict`].
    Ask {
        /// Who wants to register.
        peer: PeerId,
        /// What the authority needs to know.
        question: Box<Question>,
    },
    /// Let the peer go. The hub has forgotten it already: nothing about it follows but a [`Effect::Report`].
    Close {
        /// Who is let go.
        peer: PeerId,
        /// Why.
        close: Close,
    },
    /// Tell those who want to know that a session which had been accepted is over, for whatever reason; once for each.
    Report {
        /// Whose it was.
        peer: PeerId,
        /// Which.
        end: Box<SessionEnd>,
    },
}

/// The effects of one input, drained by the caller after each call.
pub type Outbox = Vec<Effect>;

/// What an authority is asked about a peer that wants to register (Ayame's authn webhook request).
#[derive(Debug, Clone)]
pub struct Question {
    /// The id that the server gave this connection (a ULID).
    pub connection_id: String,
    /// What the client said, whole.
    pub register: Register,
}

/// What an authority decided.
#[derive(Debug)]
pub enum Verdict {
    /// The peer may take a seat if there is one.
    Allow(Grant),
    /// The peer is rejected with this reason.
    Deny {
        /// Passed on to the client.
        reason: String,
    },
    /// No verdict could be had: late, broken or nonsense.
    Failed,
}

/// What an accepted peer is given besides its seat.
#[derive(Debug, Default)]
pub struct Grant {
    /// STUN and TURN servers; empty means that none are mentioned.
    pub ice_servers: Vec<IceServer>,
    /// Passed through to the client untouched.
    pub authz_metadata: Option<Box<RawValue>>,
}

/// The core's share of the configuration.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Peer keys have indices below this.
    pub max_peers: usize,
    /// How many of them there can be at the same time; the other indices are for connections that are no peers.
    pub max_clients: usize,
    /// The longest message, in bytes.
    pub max_message_bytes: usize,
    /// Rooms at the same time.
    pub max_rooms: usize,
    /// Seats in a room of any dialect but Ayame's, which has two.
    pub max_peers_per_room: usize,
    /// Length of a room id, client id or key, in bytes.
    pub max_id_bytes: usize,
    /// Time from open to register.
    pub register_timeout: Duration,
    /// Time between pings; one tick for all peers.
    pub ping_interval: Duration,
    /// Time without a pong of either kind after which a peer is let go.
    pub pong_timeout: Duration,
    /// Time without any message after which a peer is let go.
    pub read_timeout: Duration,
    /// How long a mesh seat outlives its socket; zero: not at all.
    pub resume_grace: Duration,
    /// What one mailbox client may leave for others, in bytes.
    pub max_stored_bytes: usize,
    /// What may wait for a mesh seat without a socket, in bytes.
    pub max_queue_bytes: usize,
    /// How long a seated peer may stay silent when a newcomer needs its seat.
    pub eviction_silence: Duration,
    /// The longest time that a reject is held back for an address that is rejected again and again.
    pub reject_delay_max: Duration,
    /// Whether Ayame's `message` type is relayed.
    pub type_message: bool,
    /// Whether an authority is asked before a seat is given ([`Effect::Ask`]).
    pub ask_verdict: bool,
}
