//! The wire protocols, and the calls that each must answer.
//!
//! A dialect decides what a message means; the hub knows who is there, and the rooms know who sits with whom.

use super::{Hub, Misspoke, Now, Outbox, PeerId, Verdict, ayame, session::State};
use serde::{Deserialize, Serialize};

/// A wire protocol, chosen by the path of the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Two seats a room, compatible with OpenAyame (protocols.md section 1).
    Ayame,
}

impl Dialect {
    /// The name in settings, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ayame => "ayame",
        }
    }

    /// A text message from `peer`, which is not [`State::Leaving`].
    pub(super) fn handle_text(self, hub: &mut Hub, peer: PeerId, text: &str, now: Now, out: &mut Outbox) {
        match self {
            Self::Ayame => ayame::handle_text(hub, peer, text, now, out),
        }
    }

    /// The authority's answer about `peer`, which is in [`State::ExpectVerdict`].
    pub(super) fn handle_verdict(
        self,
        hub: &mut Hub,
        peer: PeerId,
        verdict: Verdict,
        now: Now,
        out: &mut Outbox,
    ) {
        match self {
            Self::Ayame => ayame::handle_verdict(hub, peer, verdict, now, out),
        }
    }

    /// `peer` is gone from the hub, in this state: its room-mates are told.
    pub(super) fn handle_gone(self, hub: &mut Hub, peer: PeerId, state: State, out: &mut Outbox) {
        match self {
            Self::Ayame => ayame::handle_gone(hub, peer, state, out),
        }
    }

    /// The message that asks whether a client is alive, besides the WebSocket ping.
    pub(super) fn ping(self) -> &'static str {
        match self {
            Self::Ayame => ayame::PING,
        }
    }

    /// The message before the close when the server stops.
    pub(super) fn farewell(self) -> &'static str {
        match self {
            Self::Ayame => ayame::BYE,
        }
    }

    /// The message that says why a peer is rejected.
    pub(super) fn reject(self, reason: &str) -> String {
        match self {
            Self::Ayame => ayame::reject(reason),
        }
    }
}

/// Reads a JSON object into `T`, checking all of the text but building nothing for fields that `T` does not have. Nesting
/// costs no stack: what is passed over is passed over in a loop.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Misspoke> {
    // serde would take an array for a struct as well.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(Misspoke::NotAMessage);
    }
    serde_json::from_str(text).map_err(|_| Misspoke::NotAMessage)
}

/// Writes a message. Only a map with keys that are no strings could fail, and no message has one.
pub(super) fn to_json(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}
