//! What the server counts, and how it is told to Prometheus (docs/metrics.md).
//!
//! Counting costs an addition and allocates nothing, but for what a webhook says for the first time. Every label has its values from a closed set
//! or from one that is bounded here: nothing that a client makes up, no room, no id and no address is ever a label. What only the
//! core knows it counts itself ([`Counts`](crate::signaling::counts::Counts)).

mod histogram;
mod render;
mod requests;
mod text;
pub mod webhooks;

use crate::{
    http::asked::Asked,
    signaling::{
        Close, Dialect, Kind,
        counts::{Census, Traffic},
        credentials::Denial,
    },
};
use histogram::{Histogram, TURN};
use requests::Requests;
use std::time::Duration;
use webhooks::Webhooks;

/// The longest text that [`Metrics::render`] makes, in bytes.
pub const BYTES_MAX: usize = 112 * 1024;

/// Why a connection was not taken in, or not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It comes from elsewhere (`allow_from`).
    Network,
    /// There are too many from there.
    TooMany,
    /// It had said nothing yet when others needed its place.
    Displaced,
    /// None can be taken in: there are no descriptors left, or no memory. Those who knock wait.
    Exhausted,
}

/// How the session of a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was let go.
    Close(Close),
    /// It closed.
    Left,
    /// Its connection broke.
    Lost,
    /// It broke RFC 6455.
    Protocol,
    /// It sent text that is not UTF-8.
    NotUtf8,
    /// It sent a message over the limit.
    TooLarge,
}

/// How a TLS handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// It is complete.
    Completed,
    /// It is complete, by an earlier session's ticket.
    Resumed,
    /// One side would not go on.
    Failed,
    /// The connection ended.
    Aborted,
    /// It took too long.
    TimedOut,
}

/// What a client says too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// Messages.
    Messages,
    /// Bytes.
    Bytes,
}

const REFUSED: [&str; 4] = ["network", "too-many", "displaced", "exhausted"];
const HANDSHAKES: [&str; 5] = ["completed", "resumed", "failed", "aborted", "timeout"];
const THROTTLES: [&str; 2] = ["messages", "bytes"];
/// How sessions end that nobody has let go.
const ENDS: [&str; 5] = [
    "closed by the client",
    "connection lost",
    "protocol error",
    "text that is not UTF-8",
    "message too large",
];

/// What is so at the moment of asking.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Who is there.
    pub census: Census,
    /// How many clients there can be.
    pub clients_limit: u64,
    /// How many rooms.
    pub rooms_limit: u64,
    /// How many seats a room has, but for Ayame's.
    pub seats_per_room_limit: usize,
    /// How many connections there are, clients included.
    pub connections: u64,
    /// How many there can be.
    pub connections_limit: u64,
    /// How many clients are not read because they have said too much.
    pub throttled: u64,
    /// The most memory that the configuration can take, in bytes.
    pub memory_ceiling_bytes: u64,
    /// When the certificate ends, in seconds since 1970; without TLS, `None`.
    pub certificate_not_after: Option<u64>,
    /// The time since the start.
    pub uptime: Duration,
    /// The time since 1970, by the board's clock.
    pub unix: Duration,
    /// Of how many clients an authority's verdict is awaited.
    pub questions: u64,
    /// Of how many ended sessions somebody is still to be told.
    pub reports: u64,
    /// Of how many nobody ever will be.
    pub reports_dropped: u64,
    /// How many messages could not be written to the signaling log.
    pub signaling_log_errors: u64,
    /// Where Ayame's protocol is spoken.
    pub signaling_path: String,
    /// Where is listened, for Ayame's metrics.
    pub host: String,
}

/// Everything since the start.
#[derive(Debug)]
pub struct Metrics {
    sent: Traffic,
    pings_sent: u64,
    pings_received: u64,
    pongs_received: u64,
    accepted: u64,
    refused: [u64; REFUSED.len()],
    closes: [u64; Close::ALL.len()],
    ends: [u64; ENDS.len()],
    overflows: u64,
    denials: [u64; Denial::LABELS.len()],
    throttles: [u64; THROTTLES.len()],
    handshakes: [u64; HANDSHAKES.len()],
    requests: Requests,
    turns: Histogram,
    /// Calls of webhooks.
    pub webhooks: Webhooks,
    /// How long the last text was: the next one is as long, nearly.
    rendered_bytes: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            sent: Traffic::default(),
            pings_sent: 0,
            pings_received: 0,
            pongs_received: 0,
            accepted: 0,
            refused: Default::default(),
            closes: Default::default(),
            ends: Default::default(),
            overflows: 0,
            denials: Default::default(),
            throttles: Default::default(),
            handshakes: Default::default(),
            requests: Requests::new(),
            turns: Histogram::new(TURN),
            webhooks: Webhooks::new(),
            rendered_bytes: 32 * 1024,
        }
    }
}

impl Metrics {
    /// A message is queued for a client.
    pub fn sent(&mut self, dialect: Dialect, kind: Kind, bytes: usize) {
        self.sent.count(dialect, kind, bytes);
    }

    /// A WebSocket ping is queued.
    pub fn ping_sent(&mut self) {
        self.pings_sent += 1;
    }

    /// A WebSocket ping came.
    pub fn ping_received(&mut self) {
        self.pings_received += 1;
    }

    /// A WebSocket pong came.
    pub fn pong_received(&mut self) {
        self.pongs_received += 1;
    }

    /// A connection was taken in.
    pub fn accepted(&mut self) {
        self.accepted += 1;
    }

    /// One was not, or not kept.
    pub fn refused(&mut self, why: Refused) {
        add(&mut self.refused, why as usize);
    }

    /// The session of a client is over.
    pub fn ended(&mut self, how: End) {
        let ends = match how {
            End::Close(close) => return add(&mut self.closes, close.place()),
            End::Left => 0,
            End::Lost => 1,
            End::Protocol => 2,
            End::NotUtf8 => 3,
            End::TooLarge => 4,
        };
        add(&mut self.ends, ends);
    }

    /// What was for a client did not fit its queue.
    pub fn overflowed(&mut self) {
        self.overflows += 1;
    }

    /// A key or token opened nothing, or was missing.
    pub fn denied(&mut self, denial: Denial) {
        add(&mut self.denials, denial.place());
    }

    /// A client is not read for a moment.
    pub fn throttled(&mut self, by: Throttle) {
        add(&mut self.throttles, by as usize);
    }

    /// A TLS handshake is over.
    pub fn handshaken(&mut self, how: Handshake) {
        add(&mut self.handshakes, how as usize);
    }

    /// A request got its answer.
    pub fn answered(&mut self, status: u16, asked: Asked) {
        self.requests.count(status, asked);
    }

    /// A turn of the loop is over.
    pub fn turned(&mut self, elapsed: Duration) {
        self.turns.observe(elapsed, 1);
        self.requests.measure(elapsed);
    }
}

fn add(counts: &mut [u64], place: usize) {
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}
