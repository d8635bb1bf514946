//! What a message is, for those who count: one of a closed set, whatever a client makes up.

use super::Dialect;

/// The `type` of a message, of any dialect; and what has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// No message of the dialect: another type, none, or no JSON.
    #[default]
    Other,
    /// Text of echo, chat and relay, where messages have no types.
    Text,
    /// The same, binary.
    Binary,
    /// `accept`.
    Accept,
    /// `answer`.
    Answer,
    /// `bye`.
    Bye,
    /// `candidate`.
    Candidate,
    /// `candidateAdd`.
    CandidateAdd,
    /// `connect`.
    Connect,
    /// `connected`.
    Connected,
    /// `disconnect`.
    Disconnect,
    /// `error`.
    Error,
    /// `ice-candidate`.
    IceCandidate,
    /// `message`.
    Message,
    /// `offer`.
    Offer,
    /// `peer-connected`.
    PeerConnected,
    /// `peer-disconnected`.
    PeerDisconnected,
    /// `ping`.
    Ping,
    /// `pong`.
    Pong,
    /// `register`.
    Register,
    /// `reject`.
    Reject,
}

use Kind::{
    Accept, Answer, Binary, Bye, Candidate, CandidateAdd, Connect, Connected, Disconnect, Error,
    IceCandidate, Message, Offer, Other, PeerConnected, PeerDisconnected, Ping, Pong, Register, Reject, Text,
};

impl Kind {
    /// How many there are.
    pub const COUNT: usize = Reject as usize + 1;

    /// What a client's message is by its type, if its dialect takes such messages.
    pub(super) fn received(dialect: Dialect, name: &str) -> Self {
        // Compared by length first: a few nanoseconds.
        let kind = match name {
            "answer" => Answer,
            "bye" => Bye,
            "candidate" => Candidate,
            "candidateAdd" => CandidateAdd,
            "connect" => Connect,
            "connected" => Connected,
            "disconnect" => Disconnect,
            "ice-candidate" => IceCandidate,
            "message" => Message,
            "offer" => Offer,
            "ping" => Ping,
            "pong" => Pong,
            "register" => Register,
            _ => Other,
        };
        if dialect.receives().contains(&kind) { kind } else { Other }
    }

    /// The type on the wire; a word where there is none.
    pub fn name(self) -> &'static str {
        match self {
            Other => "other",
            Text => "text",
            Binary => "binary",
            Accept => "accept",
            Answer => "answer",
            Bye => "bye",
            Candidate => "candidate",
            CandidateAdd => "candidateAdd",
            Connect => "connect",
            Connected => "connected",
            Disconnect => "disconnect",
            Error => "error",
            IceCandidate => "ice-candidate",
            Message => "message",
            Offer => "offer",
            PeerConnected => "peer-connected",
            PeerDisconnected => "peer-disconnected",
            Ping => "ping",
            Pong => "pong",
            Register => "register",
            Reject => "reject",
        }
    }
}

impl Dialect {
    /// What its clients send.
    pub fn receives(self) -> &'static [Kind] {
        match self {
            Self::Ayame => &[Register, Offer, Answer, Candidate, Message, Connected, Bye, Pong, Other],
            Self::Mailbox => &[Connect, Offer, Answer, CandidateAdd, Other],
            Self::Mesh => &[Connect, Offer, Answer, IceCandidate, Message, Disconnect, Ping, Pong, Other],
            Self::Echo | Self::Chat | Self::Relay => &[Text, Binary],
        }
    }

    /// What its clients are sent.
    pub fn sends(self) -> &'static [Kind] {
        match self {
            Self::Ayame => &[Accept, Reject, Offer, Answer, Candidate, Message, Ping, Bye],
            Self::Mailbox => &[Offer, Answer, Candidate, Error],
            Self::Mesh => &[
                Connected,
                PeerConnected,
                PeerDisconnected,
                Offer,
                Answer,
                IceCandidate,
                Message,
                Ping,
                Pong,
                Error,
            ],
            Self::Echo | Self::Chat | Self::Relay => &[Text, Binary],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dialect_takes_is_known_by_its_name_and_nothing_else_is() {
        for dialect in [Dialect::Ayame, Dialect::Mailbox, Dialect::Mesh] {
            for kind in dialect.receives() {
                assert_eq!(Kind::received(dialect, kind.name()), *kind);
            }
            for name in ["", "Offer", "offer ", "accept", "error", "text", "constructor"] {
                assert_eq!(Kind::received(dialect, name), Other, "{name:?}");
            }
        }
        assert_eq!(Kind::received(Dialect::Ayame, "connect"), Other);
        assert_eq!(Kind::received(Dialect::Mailbox, "bye"), Other);
    }
}
