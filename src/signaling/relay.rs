//! The dialects for pages that only want each other's messages: echo, chat and relay (protocols.md section 4). Whatever comes in goes
//! out, of the same frame type.

use super::{
    Close, Dialect, Effect, Hub, Kind, Outbox, PeerId,
    rooms::RoomId,
    session::{Seat, State},
};

/// What echo puts before a message.
const ECHO: &str = "echo:";

/// A message, of either frame type.
#[derive(Clone, Copy)]
pub(super) enum Arrived<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// Seats the peer in the room that its URL named; echo has no rooms.
pub(super) fn handle_open(hub: &mut Hub, peer: PeerId, dialect: Dialect, room: &str, out: &mut Outbox) {
    let seat = match dialect {
        Dialect::Echo => Seat::Nowhere,
        _ => match hub.join_by_url(dialect, room, peer) {
            Ok(room) => Seat::Room(room),
            Err(refusal) => return hub.let_go(peer, Close::Refused(refusal), out),
        },
    };
    hub.counts.accept(dialect);
    hub.set_state(peer, State::Joined(seat));
    hub.log_joined(peer);
}

/// Sends a message to whom it concerns.
pub(super) fn handle_message(hub: &mut Hub, peer: PeerId, arrived: Arrived<'_>, out: &mut Outbox) {
    hub.arrived = match arrived {
        Arrived::Text(_) => Kind::Text,
        Arrived::Binary(_) => Kind::Binary,
    };
    let Some(session) = hub.peers.get(peer) else { return };
    let State::Joined(seat) = &session.state else { return };
    match (seat, arrived) {
        (Seat::Room(room), _) => {
            let is_for = |to: &PeerId| session.dialect == Dialect::Chat || *to != peer;
            out.extend(hub.rooms.peers(*room).filter(is_for).map(|to| Effect::Relay { to }));
        }
        (_, Arrived::Text(text)) => {
            out.push(Effect::Send { to: peer, kind: Kind::Text, text: format!("{ECHO}{text}").into() });
        }
        (_, Arrived::Binary(bytes)) => {
            out.push(Effect::SendBinary { to: peer, bytes: [ECHO.as_bytes(), bytes].concat() });
        }
    }
}

/// The peer is gone; nobody is told, only its seat becomes free.
pub(super) fn handle_gone(hub: &mut Hub, peer: PeerId, room: RoomId) {
    hub.rooms.leave(room, peer);
}
