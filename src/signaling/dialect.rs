//! The wire protocols, and the calls that each must answer.
//!
//! A dialect decides what a message means; the hub knows who is there, and the rooms know who sits with whom. A new dialect is one
//! file beside this one and one variant here; the compiler then asks for the rest.

use super::{
    Close, Hub, Misspoke, Outbox, PeerId, Refusal, Verdict, ayame, mailbox, mesh,
    relay::{self, Arrived},
    session::{Seat, State},
};
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::error::Category;
use std::borrow::Cow;

/// A wire protocol, chosen by the path of the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Two seats a room, compatible with OpenAyame (protocols.md section 1).
    Ayame,
    /// Store and forward, one offerer a room (section 2).
    Mailbox,
    /// Rooms of many, addressed from one to another (section 3).
    Mesh,
    /// Every message back to its sender (section 4).
    Echo,
    /// Every message to everyone in the room (section 4).
    Chat,
    /// Every message to everyone else in the room (section 4).
    Relay,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Ayame, Self::Mailbox, Self::Mesh, Self::Echo, Self::Chat, Self::Relay];

    /// The name in settings, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ayame => "ayame",
            Self::Mailbox => "mailbox",
            Self::Mesh => "mesh",
            Self::Echo => "echo",
            Self::Chat => "chat",
            Self::Relay => "relay",
        }
    }

    /// A peer has come, in [`State::ExpectRegister`]. `room` is what its URL named.
    pub(super) fn handle_open(self, hub: &mut Hub, peer: PeerId, room: &str, out: &mut Outbox) {
        match self {
            Self::Ayame | Self::Mesh => {}
            Self::Mailbox => mailbox::handle_open(hub, peer, room, out),
            Self::Echo | Self::Chat | Self::Relay => relay::handle_open(hub, peer, self, room, out),
        }
    }

    /// A text message from `peer`, which is not [`State::Leaving`].
    pub(super) fn handle_text(self, hub: &mut Hub, peer: PeerId, text: &str, out: &mut Outbox) {
        match self {
            Self::Ayame => ayame::handle_text(hub, peer, text, out),
            Self::Mailbox => mailbox::handle_text(hub, peer, text, out),
            Self::Mesh => mesh::handle_text(hub, peer, text, out),
            Self::Echo | Self::Chat | Self::Relay => {
                relay::handle_message(hub, peer, Arrived::Text(text), out);
            }
        }
    }

    /// A binary message from `peer`, which is not [`State::Leaving`].
    pub(super) fn handle_binary(self, hub: &mut Hub, peer: PeerId, bytes: &[u8], out: &mut Outbox) {
        match self {
            Self::Ayame | Self::Mailbox | Self::Mesh => hub.let_go(peer, Close::Binary, out),
            Self::Echo | Self::Chat | Self::Relay => {
                relay::handle_message(hub, peer, Arrived::Binary(bytes), out);
            }
        }
    }

    /// The authority's answer about `peer`, which is in [`State::ExpectVerdict`].
    pub(super) fn handle_verdict(self, hub: &mut Hub, peer: PeerId, verdict: Verdict, out: &mut Outbox) {
        // Only Ayame asks.
        if self == Self::Ayame {
            ayame::handle_verdict(hub, peer, verdict, out);
        }
    }

    /// The message that asks whether a client is alive, besides the WebSocket ping.
    pub(super) fn ping(self) -> Option<&'static str> {
        match self {
            Self::Ayame => Some(ayame::PING),
            Self::Mesh => Some(mesh::PING),
            Self::Mailbox | Self::Echo | Self::Chat | Self::Relay => None,
        }
    }

    /// The message that says that the session ends, before the close.
    pub(super) fn farewell(self) -> Option<&'static str> {
        match self {
            Self::Ayame => Some(ayame::BYE),
            _ => None,
        }
    }
}

/// A peer is gone from the hub, in this state: its seat becomes free, and its room-mates are told.
pub(super) fn handle_gone(hub: &mut Hub, peer: PeerId, state: State, close: Option<Close>, out: &mut Outbox) {
    match state {
        State::Joined(Seat::Ayame(seat)) => ayame::handle_gone(hub, peer, &seat, out),
        State::Joined(Seat::Mailbox(seat)) => mailbox::handle_gone(hub, peer, &seat),
        State::Joined(Seat::Mesh(seat)) => mesh::handle_gone(hub, seat, close, out),
        State::Joined(Seat::Room(room)) => relay::handle_gone(hub, peer, room),
        _ => {}
    }
}

/// What a mesh or mailbox client is told that did something wrong.
#[derive(Serialize)]
struct ErrorMessage<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
}

/// What was wrong with a message: the code and the words of the answer. The connection stays.
pub(super) struct Wrong(pub(super) &'static str, pub(super) Cow<'static, str>);

impl Wrong {
    /// A message that is JSON, but not what it should be.
    pub(super) fn message(text: &'static str) -> Self {
        Self("bad-message", text.into())
    }

    /// A type that the dialect does not have.
    pub(super) fn kind(kind: &str, allowed: &'static str) -> Self {
        let kind: String = kind.chars().take(32).collect();
        Self("unknown-type", format!("{kind:?} is not a type; allowed: {allowed}").into())
    }

    /// The answer; `to` is the id that the faulty message was for, if it was for one.
    pub(super) fn answer(&self, to: Option<&str>) -> String {
        to_json(&ErrorMessage { r#type: "error", code: self.0, message: &self.1, to })
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.code(), refusal.message().into())
    }
}

/// Reads a message of a dialect that answers faults: what is no JSON is told from JSON that is no such message.
pub(super) fn parse_message<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Wrong> {
    // serde would take an array for a struct as well.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Wrong::message("a message is a JSON object with a type"),
            Err(error) => Wrong("bad-json", error.to_string().into()),
        });
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => Wrong("bad-message", error.to_string().into()),
        _ => Wrong("bad-json", error.to_string().into()),
    })
}

/// For a field where a null is a value: `None` only if it is absent.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For a string that may be absent or null: borrowed where it stands if it has no escapes. Left to itself, serde copies each
/// `Option<Cow<str>>`.
pub(super) fn borrowed<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Option::<Text>::deserialize(deserializer)?.map(|text| text.0))
}

/// Reads a JSON object into `T`, checking all of the text but building nothing for fields that `T` does not have. Nesting
/// costs no stack: what is passed over is passed over in a loop.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Misspoke> {
    // serde would take an array for a struct as well.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Misspoke::NotAMessage);
    }
    serde_json::from_str(text).map_err(|_| Misspoke::NotAMessage)
}

/// Writes a message. Only a map with keys that are no strings could fail, and no message has one.
pub(super) fn to_json(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_stands_at_its_own_place() {
        for (place, dialect) in Dialect::ALL.into_iter().enumerate() {
            assert_eq!(dialect as usize, place, "{dialect:?}: tables by dialect count on it");
        }
    }
}
