//! What clients say to come, to talk and to leave, in the dialects that are measured.

use crate::stage::Stage;
use std::fmt;
use suzu::signaling::{Dialect, PeerId};

/// How a client talks. Those of mesh differ in who writes `from`: the client, or suzu.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Ayame,
    MeshWithFrom,
    MeshWithoutFrom,
    Relay,
}

impl Speech {
    /// What a client comes with, to take a seat as `id`: what it says first, or the room in its URL.
    pub(crate) fn entry(self, room: &str, id: &str) -> String {
        match self {
            Self::Ayame => format!(r#"{{"type":"register","roomId":"{room}","clientId":"{id}"}}"#),
            Self::MeshWithFrom | Self::MeshWithoutFrom => {
                format!(r#"{{"type":"connect","room":"{room}","id":"{id}"}}"#)
            }
            Self::Relay => room.to_owned(),
        }
    }

    /// Opens and takes a seat.
    pub(crate) fn join(self, stage: &mut Stage, peer: PeerId, entry: &str) {
        match self {
            Self::Ayame | Self::MeshWithFrom | Self::MeshWithoutFrom => {
                let dialect = if self == Self::Ayame { Dialect::Ayame } else { Dialect::Mesh };
                stage.open(peer, dialect, "");
                assert_ne!(stage.say(peer, entry), 0, "a seat is confirmed");
            }
            Self::Relay => assert_eq!(stage.open(peer, Dialect::Relay, entry), 0, "a seat is silent"),
        }
    }

    pub(crate) fn leave(self, stage: &mut Stage, peer: PeerId) {
        match self {
            Self::Ayame => drop(stage.say(peer, r#"{"type":"bye"}"#)),
            Self::MeshWithFrom | Self::MeshWithoutFrom => drop(stage.say(peer, r#"{"type":"disconnect"}"#)),
            Self::Relay => stage.release(peer),
        }
    }

    /// A message of so many bytes from one id to another: JSON, with the escapes of an SDP.
    pub(crate) fn message(self, kind: &str, bytes: usize, from: &str, to: &str) -> String {
        let (begin, end) = match self {
            Self::Ayame | Self::Relay => (format!(r#"{{"type":"{kind}","sdp":""#), r#""}"#),
            Self::MeshWithFrom => (
                format!(r#"{{"type":"{kind}","from":"{from}","to":"{to}","sdp":{{"type":"{kind}","sdp":""#),
                r#""}}"#,
            ),
            Self::MeshWithoutFrom => {
                (format!(r#"{{"type":"{kind}","to":"{to}","sdp":{{"type":"{kind}","sdp":""#), r#""}}"#)
            }
        };
        let rest = bytes - begin.len() - end.len();
        let lines = LINE.repeat(rest / LINE.len());
        format!("{begin}{lines}{}{end}", "=".repeat(rest - lines.len()))
    }
}

/// What messages are made of.
const LINE: &str = r"a=candidate:1 1 udp 2130706431 192.168.1.20 50000 typ host\r\n";

impl fmt::Display for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ayame => "ayame",
            Self::MeshWithFrom => "mesh, from given",
            Self::MeshWithoutFrom => "mesh, from put in",
            Self::Relay => "relay",
        })
    }
}
