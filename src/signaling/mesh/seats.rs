//! Seats that outlive their sockets.
//!
//! A socket that ends without `disconnect` leaves its seat behind for the grace time. The others hear nothing; what is
//! for that seat waits in its queue; and whoever knows its session secret gets it back, with the queue, in order.

use super::{Presence, PresenceMessage, waiting::Waiting};
use crate::{
    deadlines::Deadlines,
    signaling::{
        Close, Dialect, Effect, Hub, Kind, Mono, Outbox, PeerId, Refusal,
        dialect::to_json,
        rooms::RoomId,
        session::{Seat, State},
    },
    slots::{Key, Slots},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::VecDeque};
use subtle::ConstantTimeEq;

/// Names a seat: in the rooms of this dialect it stands where others have a peer.
pub(in crate::signaling) type SeatId = Key;

/// Why a seat ended, for the others.
const LEFT: &str = "left";
const LOST: &str = "lost";
const QUEUE_FULL: &str = "queue-full";
const DISMISSED: &str = "dismissed";

/// A place in a room, with or without a socket at the moment.
#[derive(Debug)]
pub(in crate::signaling) struct MeshSeat {
    /// Who sits here; `None` while its socket is gone.
    pub(in crate::signaling) peer: Option<PeerId>,
    pub(in crate::signaling) room: RoomId,
    pub(super) id: Box<str>,
    name: Option<Box<str>>,
    meta: Option<Box<RawValue>>,
    /// Who knows it may have the seat back.
    session: [u8; 16],
    /// What came for it while nobody sat here, oldest first.
    waiting: Waiting,
}

impl MeshSeat {
    pub(in crate::signaling) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn presence(&self) -> Presence<'_> {
        Presence { id: &self.id, name: self.name.as_deref(), meta: self.meta.as_deref() }
    }

    /// The session secret as the client knows it: 32 hexadecimal digits.
    pub(super) fn session_text(&self) -> String {
        self.session.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// All seats of this dialect.
#[derive(Debug)]
pub(in crate::signaling) struct Seats {
    seats: Slots<MeshSeat>,
    /// When each empty seat ends.
    expiries: Deadlines,
}

impl Seats {
    /// No seats yet, and never more than `capacity`.
    pub(in crate::signaling) fn with_capacity(capacity: usize) -> Self {
        Self { seats: Slots::with_capacity(capacity), expiries: Deadlines::with_capacity(capacity) }
    }

    /// Bytes that the table takes, without what the seats keep.
    pub(in crate::signaling) const fn bytes(capacity: usize) -> usize {
        Slots::<MeshSeat>::bytes(capacity) + Deadlines::bytes(capacity)
    }

    pub(in crate::signaling) fn get(&self, seat: SeatId) -> Option<&MeshSeat> {
        self.seats.get(seat)
    }

    pub(in crate::signaling) fn iter(&self) -> impl Iterator<Item = (SeatId, &MeshSeat)> {
        self.seats.iter()
    }

    fn remove(&mut self, seat: SeatId) -> Option<MeshSeat> {
        self.expiries.remove(seat);
        self.seats.remove(seat)
    }

    /// When [`expire`] wants to be called.
    pub(in crate::signaling) fn next_expiry(&self) -> Option<Mono> {
        self.expiries.next()
    }
}

/// The seat with this id in a room.
pub(super) fn find(hub: &Hub, room: RoomId, id: &str) -> Option<SeatId> {
    hub.rooms.peers(room).find(|seat| hub.mesh.get(*seat).is_some_and(|seat| *seat.id == *id))
}

/// Gives the peer a new seat; the others are told by [`announce`].
pub(super) fn take(
    hub: &mut Hub,
    peer: PeerId,
    room: &str,
    id: &str,
    name: Option<&str>,
    meta: Option<&RawValue>,
) -> Result<SeatId, Refusal> {
    let seat = hub.mesh.seats.next_key().ok_or(Refusal::NoRoomLeft)?;
    let room = hub.rooms.join(Dialect::Mesh, room, hub.limits.max_peers_per_room, seat)?;
    let session = hub.ids.secret();
    hub.mesh.seats.insert_with(|_| MeshSeat {
        peer: Some(peer),
        room,
        id: id.into(),
        name: name.map(Into::into),
        meta: meta.map(ToOwned::to_owned),
        session,
        waiting: Waiting::default(),
    });
    hub.set_state(peer, State::Joined(Seat::Mesh(seat)));
    hub.log_joined(peer);
    Ok(seat)
}

/// Gives a seat back to the client that knows its session secret; false, and nothing changed, for anybody else. A socket that still
/// holds the seat is closed: the client has given up on it.
pub(super) fn resume(
    hub: &mut Hub,
    seat: SeatId,
    peer: PeerId,
    session: Option<&str>,
    out: &mut Outbox,
) -> bool {
    let Some(own) = hub.mesh.seats.get_mut(seat) else { return false };
    let is_known =
        session.is_some_and(|session| own.session_text().as_bytes().ct_eq(session.as_bytes()).into());
    if !is_known {
        return false;
    }
    if let Some(old) = own.peer.replace(peer) {
        hub.log_end(old, Some(Close::Evicted));
        if hub.take(old).is_some() {
            hub.counts.replaced += 1;
            out.push(Effect::Close { peer: old, close: Close::Evicted });
        }
    }
    hub.mesh.expiries.remove(seat);
    hub.set_state(peer, State::Joined(Seat::Mesh(seat)));
    hub.log_joined(peer);
    true
}

/// Sends what waited for the seat.
pub(super) fn drain(hub: &mut Hub, seat: SeatId, out: &mut Outbox) {
    let Some(MeshSeat { peer: Some(to), waiting, .. }) = hub.mesh.seats.get_mut(seat) else {
        return;
    };
    let waiting = std::mem::take(waiting);
    out.extend(waiting.iter().map(|(kind, text)| Effect::SendWaiting { to: *to, kind, text: text.into() }));
}

/// A text for a seat.
pub(super) enum Parcel<'a> {
    /// The very message being handled, which need not be copied to be sent on.
    Arrived(&'a str),
    /// One of our own making, and what it is.
    Made(Kind, Cow<'a, str>),
}

/// Sends a text to whoever sits here, or keeps it until somebody does. False if there was no room for it.
pub(super) fn deliver(hub: &mut Hub, seat: SeatId, parcel: Parcel<'_>, out: &mut Outbox) -> bool {
    let Some(own) = hub.mesh.seats.get_mut(seat) else { return true };
    let bytes_max = hub.limits.max_queue_bytes;
    match (own.peer, parcel) {
        (Some(to), Parcel::Arrived(_)) => out.push(Effect::Relay { to }),
        (Some(to), Parcel::Made(kind, text)) => {
            out.push(Effect::Send { to, kind, text: text.into_owned().into() });
        }
        (None, Parcel::Arrived(text)) => return own.waiting.push(hub.arrived, text, bytes_max),
        (None, Parcel::Made(kind, text)) => return own.waiting.push(kind, &text, bytes_max),
    }
    true
}

/// Ends a seat and tells the others why.
pub(super) fn end(hub: &mut Hub, seat: SeatId, reason: &'static str, out: &mut Outbox) {
    end_all(hub, VecDeque::from([(seat, reason)]), out);
}

/// Ends seats that had no room for what was for them. If there is none for the news of that in another one, this ends too: a peer that misses
/// news would never know again who is there.
pub(super) fn end_full(hub: &mut Hub, seats: Vec<SeatId>, out: &mut Outbox) {
    end_all(hub, seats.into_iter().map(|seat| (seat, QUEUE_FULL)).collect(), out);
}

fn end_all(hub: &mut Hub, mut ending: VecDeque<(SeatId, &'static str)>, out: &mut Outbox) {
    while let Some((seat, reason)) = ending.pop_front() {
        let Some(own) = hub.mesh.remove(seat) else { continue };
        if own.peer.is_none() && reason == QUEUE_FULL {
            hub.counts.absent_overflows += 1;
        }
        hub.rooms.leave(own.room, seat);
        let peer = Presence { id: &own.id, name: None, meta: None };
        let text = to_json(&PresenceMessage { r#type: "peer-disconnected", peer, reason: Some(reason) });
        let others: Vec<_> = hub.rooms.peers(own.room).collect();
        for other in others {
            let is_ending = ending.iter().any(|(ending, _)| *ending == other);
            if !is_ending
                && !deliver(hub, other, Parcel::Made(Kind::PeerDisconnected, text.as_str().into()), out)
            {
                ending.push_back((other, QUEUE_FULL));
            }
        }
    }
}

/// The socket of this seat is gone, `close` being why if it was let go.
pub(in crate::signaling) fn handle_gone(hub: &mut Hub, seat: SeatId, close: Option<Close>, out: &mut Outbox) {
    let grace = hub.limits.resume_grace;
    match close {
        Some(Close::Left) => return end(hub, seat, LEFT, out),
        Some(Close::Dismissed) => return end(hub, seat, DISMISSED, out),
        // It has missed a message: to resume would be to pretend that it has not.
        Some(Close::Overflow) => return end(hub, seat, QUEUE_FULL, out),
        _ if grace.is_zero() => return end(hub, seat, LOST, out),
        _ => {}
    }
    let Some(own) = hub.mesh.seats.get_mut(seat) else { return };
    own.peer = None;
    hub.mesh.expiries.set(seat, hub.now.mono.after(grace));
}

/// Whoever looks after the server ends the seat, with whoever sits there.
pub(in crate::signaling) fn dismiss(hub: &mut Hub, seat: SeatId, out: &mut Outbox) {
    match hub.mesh.get(seat).map(|seat| seat.peer) {
        Some(Some(peer)) => hub.dismiss(peer, out),
        Some(None) => end(hub, seat, DISMISSED, out),
        None => {}
    }
}

/// The server stops: the seat ends, and nobody is told, since all are let go.
pub(in crate::signaling) fn handle_stop(hub: &mut Hub, seat: SeatId) {
    if let Some(own) = hub.mesh.remove(seat) {
        hub.rooms.leave(own.room, seat);
    }
}

/// Ends a seat whose grace time is over.
pub(in crate::signaling) fn expire(hub: &mut Hub, out: &mut Outbox) {
    let due = hub.mesh.expiries.first().filter(|(at, _)| *at <= hub.now.mono);
    if let Some((_, seat)) = due {
        end(hub, seat, LOST, out);
    }
}

/// Tells everyone else in the room that this seat is taken.
pub(super) fn announce(hub: &mut Hub, seat: SeatId, out: &mut Outbox) {
    let Some(own) = hub.mesh.get(seat) else { return };
    let text = to_json(&PresenceMessage { r#type: "peer-connected", peer: own.presence(), reason: None });
    let others: Vec<_> = hub.rooms.peers(own.room).filter(|other| *other != seat).collect();
    let parcel = || Parcel::Made(Kind::PeerConnected, text.as_str().into());
    let full = others.into_iter().filter(|other| !deliver(hub, *other, parcel(), out)).collect();
    end_full(hub, full, out);
}
