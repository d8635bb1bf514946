//! One peer: what the hub waits for from it, and until when.

use super::{
    Dialect, Grant, Limits, Mono, Now, Register, ids::Ulid, mailbox::MailboxSeat, mesh::SeatId, rooms::RoomId,
};
use std::{borrow::Cow, net::IpAddr};

/// A peer from the moment its WebSocket is open until it is let go.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) dialect: Dialect,
    pub(super) address: IpAddr,
    /// The key or token that came with its upgrade, until it is known for which room.
    pub(super) credential: Option<Box<str>>,
    /// When it last said anything.
    pub(super) heard: Mono,
    /// When it last answered a ping, of either kind; the open counts as one.
    pub(super) ponged: Mono,
    pub(super) state: State,
}

/// What is awaited from a peer.
#[derive(Debug)]
pub(super) enum State {
    /// Its register.
    ExpectRegister { until: Mono },
    /// The authority's verdict on its register; its text is not read meanwhile.
    ExpectVerdict { applicant: Box<Applicant> },
    /// A seat: the room is full, and the seated are being asked whether they are alive.
    ExpectSeat { applicant: Box<Applicant> },
    /// It has a seat.
    Joined(Seat),
    /// Nothing more: it is rejected, and hears so at `until`.
    Leaving { reason: Cow<'static, str>, until: Mono },
}

/// A peer that has said who it is and has no seat yet.
#[derive(Debug)]
pub(super) struct Applicant {
    pub(super) register: Register,
    pub(super) connection_id: Ulid,
    /// The number of the hub's input with which it came: who is heard later is alive.
    pub(super) since: u64,
    /// What it has proved itself by: no key and no token, only something to compare.
    pub(super) proof: Option<Box<str>>,
    pub(super) grant: Grant,
}

/// What a peer has once it belongs somewhere: for each dialect its own.
#[derive(Debug)]
pub(super) enum Seat {
    Ayame(AyameSeat),
    Mailbox(Box<MailboxSeat>),
    /// The seat itself is in the table of the mesh: it can outlive the peer.
    Mesh(SeatId),
    /// A seat in a room of chat or relay, where all are alike.
    Room(RoomId),
    /// Echo has no rooms.
    Nowhere,
}

/// A place in a room of two.
#[derive(Debug)]
pub(super) struct AyameSeat {
    pub(super) room: RoomId,
    /// The number of the hub's input with which it was last heard: exact where two fall into one millisecond.
    pub(super) heard_at: u64,
    /// Until when it may answer, if it was asked whether it is alive and has not answered yet.
    pub(super) answer_until: Option<Mono>,
    pub(super) connection_id: Ulid,
    /// The client's own id, if it gave one: by it a returning client is known.
    pub(super) client_id: Option<Box<str>>,
    /// What it has proved itself by.
    pub(super) proof: Option<Box<str>>,
    /// Gets no pings and no bye, and may end with `connected`.
    pub(super) standalone: bool,
}

/// Why a session's time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// When to give up on a peer that never registered.
    Register,
    /// When to give up on a peer that answers no pings.
    Pong,
    /// When to give up on a peer that says nothing at all.
    Read,
    /// When to take the seat of a peer that was asked whether it is alive.
    Answer,
    /// When to send a reject that was held back.
    Reject,
}

impl Session {
    pub(super) fn new(dialect: Dialect, address: IpAddr, now: Now, limits: &Limits) -> Self {
        let until = now.mono.after(limits.register_timeout);
        Self {
            dialect,
            address,
            credential: None,
            heard: now.mono,
            ponged: now.mono,
            state: State::ExpectRegister { until },
        }
    }

    /// The next time something is due, and what. Pongs and messages move it to later only; whatever moves it to earlier
    /// must arm the hub's timer.
    pub(super) fn deadline(&self, limits: &Limits) -> (Mono, Expiry) {
        let own = match &self.state {
            State::ExpectRegister { until } => Some((*until, Expiry::Register)),
            State::Joined(Seat::Ayame(seat)) => seat.answer_until.map(|until| (until, Expiry::Answer)),
            State::Leaving { until, .. } => return (*until, Expiry::Reject),
            State::ExpectVerdict { .. } | State::ExpectSeat { .. } | State::Joined(_) => None,
        };
        let read = (self.heard.after(limits.read_timeout), Expiry::Read);
        let pong = (self.ponged.after(limits.pong_timeout), Expiry::Pong);
        let pong = if self.is_standalone() { read } else { pong };
        [Some(read), own].into_iter().flatten().fold(pong, |a, b| if b.0 < a.0 { b } else { a })
    }

    /// Whether pings go to this peer.
    pub(super) fn is_pinged(&self) -> bool {
        !self.is_standalone() && !matches!(self.state, State::Leaving { .. })
    }

    pub(super) fn is_standalone(&self) -> bool {
        matches!(&self.state, State::Joined(Seat::Ayame(AyameSeat { standalone: true, .. })))
    }

    /// Takes the applicant out of a peer that waits for a verdict or a seat. The caller sets the next state at once.
    pub(super) fn take_applicant(&mut self) -> Option<Box<Applicant>> {
        if !matches!(self.state, State::ExpectVerdict { .. } | State::ExpectSeat { .. }) {
            return None;
        }
        match std::mem::replace(&mut self.state, State::ExpectRegister { until: self.heard }) {
            State::ExpectVerdict { applicant } | State::ExpectSeat { applicant } => Some(applicant),
            _ => None,
        }
    }

    pub(super) fn ayame_seat(&self) -> Option<&AyameSeat> {
        match &self.state {
            State::Joined(Seat::Ayame(seat)) => Some(seat),
            _ => None,
        }
    }
}

impl AyameSeat {
    /// Whether this is the seat of the client that now registers again: the same id, given by the client
    /// itself, and the same key.
    pub(super) fn is_of(&self, register: &Register, proof: Option<&str>) -> bool {
        self.client_id.is_some()
            && self.client_id.as_deref() == register.client_id()
            && self.proof.as_deref() == proof
    }
}
