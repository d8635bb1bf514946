//! Seats for newcomers, and the end of ghosts.
//!
//! A phone that lost its Wi-Fi leaves a socket behind that looks alive for a minute. Whoever needs that seat must not wait so
//! long: a client that comes back under its own id takes its old seat over at once, and a newcomer that finds the
//! room full has the seated probed and evicts those who stay silent (protocols.md section 1, "Ghost eviction").

use super::{
    Close, Dialect, Effect, Hub, Kind, Outbox, PeerId, Refusal, ayame,
    counts::Rejection,
    session::{Applicant, AyameSeat, Seat, State},
};

/// Gives the applicant a seat, or holds its answer until it is known whether those who have the seats are alive.
pub(super) fn admit(hub: &mut Hub, peer: PeerId, applicant: Box<Applicant>, out: &mut Outbox) {
    let room_name = applicant.register.room_id();
    let room = hub.rooms.find(Dialect::Ayame, room_name);
    let ghost = room.and_then(|room| {
        let is_old_seat = |other: &PeerId| {
            hub.peers
                .get(*other)
                .and_then(|s| s.ayame_seat())
                .is_some_and(|seat| seat.is_of(&applicant.register, applicant.proof.as_deref()))
        };
        hub.rooms.peers(room).find(is_old_seat)
    });
    if let Some(ghost) = ghost {
        log::debug!(connection:% = peer, room = room_name; "came back, was connection {ghost}");
        hub.counts.returned_evicted += 1;
        hub.let_go(ghost, Close::Evicted, out);
    }
    if is_full(hub, room_name) {
        hub.waiting.push_back(peer);
        hub.set_state(peer, State::ExpectSeat { applicant });
        hub.is_unsettled = true;
    } else {
        take_seat(hub, peer, applicant, out);
    }
}

fn is_full(hub: &Hub, room_name: &str) -> bool {
    hub.rooms.find(Dialect::Ayame, room_name).is_some_and(|room| hub.rooms.is_full(room))
}

/// Looks after all who wait for a seat, first come first served. To be called when that may have changed what they get: somebody
/// began to wait, a seat became free, or a seated peer that was asked has answered.
pub(super) fn settle(hub: &mut Hub, out: &mut Outbox) {
    let mut index = 0;
    while let Some(peer) = hub.waiting.get(index).copied() {
        match outcome(hub, peer) {
            Outcome::Wait => {
                ask(hub, peer, out);
                index += 1;
            }
            Outcome::Seat => {
                if let Some(applicant) = hub.stop_waiting(peer) {
                    // Not straight to the seat: the same client may have waited twice, and the first of the two sits there now.
                    admit(hub, peer, applicant, out);
                }
            }
            Outcome::Full => {
                if let Some(applicant) = hub.stop_waiting(peer) {
                    hub.reject(peer, &applicant.register, Rejection::RoomFull, ayame::FULL.into(), out);
                }
            }
        }
    }
}

/// What a newcomer that waits for a seat gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing yet.
    Wait,
    /// A seat: one is free.
    Seat,
    /// `full`: all who sit there have shown that they are alive since it came.
    Full,
}

pub(super) fn outcome(hub: &Hub, peer: PeerId) -> Outcome {
    let Some((room_name, since)) = waits_for(hub, peer) else { return Outcome::Wait };
    let Some(room) = hub.rooms.find(Dialect::Ayame, room_name).filter(|room| hub.rooms.is_full(*room)) else {
        return Outcome::Seat;
    };
    let is_alive = |other: PeerId| seat(hub, other).is_some_and(|seat| seat.heard_at > since);
    if hub.rooms.peers(room).all(is_alive) { Outcome::Full } else { Outcome::Wait }
}

/// Asks those who sit where this newcomer wants to sit, unless they were heard since it came or are being asked already.
fn ask(hub: &mut Hub, newcomer: PeerId, out: &mut Outbox) {
    let Some((room_name, since)) = waits_for(hub, newcomer) else { return };
    let Some(room) = hub.rooms.find(Dialect::Ayame, room_name) else { return };
    let until = hub.now.mono.after(hub.limits.eviction_silence);
    let seated: Vec<PeerId> = hub.rooms.peers(room).collect();
    for peer in seated {
        if let Some(seat) = seat_mut(hub, peer)
            && seat.heard_at <= since
            && seat.answer_until.is_none()
        {
            seat.answer_until = Some(until);
            out.push(Effect::Ping { to: peer });
            hub.arm(peer);
        }
    }
}

/// The time for a seated peer to answer is over: it loses its seat if somebody still wants it.
pub(super) fn expire(hub: &mut Hub, peer: PeerId, out: &mut Outbox) {
    let Some(seat) = seat_mut(hub, peer) else { return };
    seat.answer_until = None;
    let room = seat.room;
    let name = hub.rooms.name(room);
    if hub.waiting.iter().any(|newcomer| waits_for(hub, *newcomer).is_some_and(|(wanted, _)| wanted == name))
    {
        hub.counts.silent_evicted += 1;
        hub.let_go(peer, Close::Evicted, out);
    }
}

/// The room that a newcomer waits for, and the number of the hub's input with which it came.
fn waits_for(hub: &Hub, peer: PeerId) -> Option<(&str, u64)> {
    match &hub.peers.get(peer)?.state {
        State::ExpectSeat { applicant } => Some((applicant.register.room_id(), applicant.since)),
        _ => None,
    }
}

fn seat(hub: &Hub, peer: PeerId) -> Option<&AyameSeat> {
    hub.peers.get(peer)?.ayame_seat()
}

fn seat_mut(hub: &mut Hub, peer: PeerId) -> Option<&mut AyameSeat> {
    match &mut hub.peers.get_mut(peer)?.state {
        State::Joined(Seat::Ayame(seat)) => Some(seat),
        _ => None,
    }
}

fn take_seat(hub: &mut Hub, peer: PeerId, applicant: Box<Applicant>, out: &mut Outbox) {
    let Applicant { register, connection_id, since, proof, grant } = *applicant;
    let room = match hub.rooms.join(Dialect::Ayame, register.room_id(), ayame::SEATS, peer) {
        Ok(room) => room,
        Err(Refusal::RoomFull) => {
            return hub.reject(peer, &register, Rejection::RoomFull, ayame::FULL.into(), out);
        }
        Err(_) => {
            log::warn!(connection:% = peer, room = register.room_id(); "all {} rooms are in use (max_rooms)", hub.limits.max_rooms);
            return hub.reject(
                peer,
                &register,
                Rejection::NoRoomLeft,
                ayame::INTERNAL_SERVER_ERROR.into(),
                out,
            );
        }
    };
    let is_exist = hub.rooms.is_full(room);
    hub.counts.accept(Dialect::Ayame);
    let text = ayame::accept(connection_id, is_exist, &grant).into();
    out.push(Effect::Send { to: peer, kind: Kind::Accept, text });
    let seat = AyameSeat {
        room,
        heard_at: since,
        answer_until: None,
        connection_id,
        client_id: register.client_id().map(Into::into),
        proof,
        standalone: register.is_standalone(),
    };
    hub.set_state(peer, State::Joined(Seat::Ayame(seat)));
    hub.log_joined(peer);
}
