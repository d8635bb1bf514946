//! Seats for newcomers, and the end of ghosts.
//!
//! A phone that lost its Wi-Fi leaves a socket behind that looks alive for a minute. Whoever needs that seat must not wait so
//! long: a client that comes back under its own id takes its old seat over at once, and a newcomer that finds the
//! room full has the seated probed and evicts those who stay silent (protocols.md section 1, "Ghost eviction").

use super::{
    Close, Dialect, Effect, Hub, Outbox, PeerId, Refusal, ayame,
    session::{Applicant, AyameSeat, Probe, Seat, State},
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
                .is_some_and(|seat| seat.is_of(&applicant.register))
        };
        hub.rooms.peers(room).find(is_old_seat)
    });
    if let Some(ghost) = ghost {
        log::debug!("room {room_name:?}: client {ghost} came back as {peer}");
        hub.let_go(ghost, Close::Evicted, out);
    }
    match hub.rooms.find(Dialect::Ayame, room_name).filter(|room| hub.rooms.is_full(*room)) {
        None => take_seat(hub, peer, applicant, out),
        Some(room) => {
            out.extend(hub.rooms.peers(room).map(|to| Effect::Ping { to }));
            let probe = Probe { since: hub.input, until: hub.now.mono.after(hub.limits.eviction_silence) };
            hub.waiting.push_back(peer);
            hub.set_state(peer, State::ExpectSeat { applicant, probe });
        }
    }
}

/// What a newcomer that waits for a seat gets.
enum Outcome {
    /// Nothing yet.
    Wait,
    /// A seat: one is free.
    Seat,
    /// `full`: all who sit there have shown that they are alive.
    Full,
    /// The seat of this one, which did not answer in time.
    Evict(PeerId),
}

/// Looks after all who wait for a seat, first come first served. Runs after every input while somebody waits, which is at most
/// the eviction silence.
pub(super) fn settle(hub: &mut Hub, out: &mut Outbox) {
    let mut index = 0;
    while let Some(peer) = hub.waiting.get(index).copied() {
        match outcome(hub, peer) {
            Outcome::Wait => index += 1,
            Outcome::Seat => {
                if let Some(applicant) = hub.stop_waiting(peer) {
                    // Not straight to the seat: the same client may have waited twice, and the first of the two sits there now.
                    admit(hub, peer, applicant, out);
                }
            }
            Outcome::Full => {
                hub.stop_waiting(peer);
                hub.reject(peer, ayame::FULL.into(), out);
            }
            // Ends the room, so that the next look at this newcomer finds a free seat.
            Outcome::Evict(ghost) => hub.let_go(ghost, Close::Evicted, out),
        }
    }
}

fn outcome(hub: &Hub, peer: PeerId) -> Outcome {
    let Some(State::ExpectSeat { applicant, probe }) = hub.peers.get(peer).map(|session| &session.state)
    else {
        return Outcome::Wait;
    };
    let Some(room) =
        hub.rooms.find(Dialect::Ayame, applicant.register.room_id()).filter(|room| hub.rooms.is_full(*room))
    else {
        return Outcome::Seat;
    };
    let is_silent = |other: &PeerId| hub.peers.get(*other).is_some_and(|s| s.heard_at <= probe.since);
    match hub.rooms.peers(room).find(is_silent) {
        None => Outcome::Full,
        Some(ghost) if probe.until <= hub.now.mono => Outcome::Evict(ghost),
        Some(_) => Outcome::Wait,
    }
}

fn take_seat(hub: &mut Hub, peer: PeerId, applicant: Box<Applicant>, out: &mut Outbox) {
    let Applicant { register, connection_id, grant } = *applicant;
    let room = match hub.rooms.join(Dialect::Ayame, register.room_id(), ayame::SEATS, peer) {
        Ok(room) => room,
        Err(Refusal::RoomFull) => return hub.reject(peer, ayame::FULL.into(), out),
        Err(_) => {
            log::warn!("client {peer} rejected: all {} rooms are in use (max_rooms)", hub.limits.max_rooms);
            return hub.reject(peer, ayame::INTERNAL_SERVER_ERROR.into(), out);
        }
    };
    let is_exist = hub.rooms.is_full(room);
    log::debug!("client {peer} joined room {:?} as {connection_id}", register.room_id());
    out.push(Effect::Send { to: peer, text: ayame::accept(connection_id, is_exist, &grant).into() });
    let seat = AyameSeat {
        room,
        connection_id,
        client_id: register.client_id().map(Into::into),
        key: register.key().map(Into::into),
        standalone: register.is_standalone(),
    };
    hub.set_state(peer, State::Joined(Seat::Ayame(seat)));
}
