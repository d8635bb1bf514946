//! The hub: all peers, their rooms and their timers. [`Hub::handle`] takes in, [`Hub::next_timeout`] and
//! [`Hub::handle_timeout`] keep the time, and everything goes out through the [`Outbox`].
//!
//! The hub does what is the same for every dialect: who is there, when they are pinged and when their time is
//! up. What a message means is the dialect's business.

use super::{
    Close, Effect, Input, Limits, Mono, Now, Outbox, PeerId,
    ids::ConnectionIds,
    rejections::Rejections,
    rooms::Rooms,
    seating,
    session::{Applicant, Expiry, Session, State},
};
use crate::slots::SideTable;
use std::{borrow::Cow, collections::VecDeque};

/// Ayame's rooms have two seats.
const SEATS_PER_ROOM: usize = 2;
/// How many peers one call of [`Hub::handle_timeout`] looks after at the most, so that the outbox stays small.
const PEERS_A_CALL: usize = 64;

/// The pure core of the server. See the [module's](self) documentation.
#[derive(Debug)]
pub struct Hub {
    pub(super) limits: Limits,
    pub(super) peers: SideTable<Session>,
    pub(super) rooms: Rooms,
    pub(super) ids: ConnectionIds,
    /// Peers in [`State::ExpectSeat`], first come first.
    pub(super) waiting: VecDeque<PeerId>,
    /// Counts the inputs.
    pub(super) input: u64,
    rejections: Rejections,
    /// The tick on which all are pinged. Set while anybody is there.
    next_ping: Option<Mono>,
    /// How far the current tick has come.
    ping_from: usize,
    /// Room to note whose time is up.
    due: Vec<PeerId>,
    /// No session's deadline is before this. It may be earlier than need be: then a walk finds nothing due and sets it
    /// right, once per shortest timeout.
    next_expiry: Option<Mono>,
}

impl Hub {
    /// An empty hub. All tables are allocated here and never grow. `seed` makes the ids: unpredictable in service, fixed in
    /// tests.
    pub fn new(limits: Limits, seed: [u8; 32]) -> Self {
        Self {
            peers: SideTable::with_capacity(limits.max_peers),
            rooms: Rooms::new(limits.max_rooms, SEATS_PER_ROOM),
            ids: ConnectionIds::new(seed),
            waiting: VecDeque::with_capacity(limits.max_peers),
            input: 0,
            rejections: Rejections::new(limits.reject_delay_max),
            due: Vec::with_capacity(PEERS_A_CALL),
            next_ping: None,
            ping_from: 0,
            next_expiry: None,
            limits,
        }
    }

    /// The most memory, in bytes, that a hub with these limits takes: its tables, and all that its sessions may keep.
    pub fn bytes_max(limits: &Limits) -> usize {
        let tables = SideTable::<Session>::bytes(limits.max_peers)
            + Rooms::bytes(limits.max_rooms, SEATS_PER_ROOM)
            + limits.max_peers * size_of::<PeerId>()
            + Rejections::BYTES;
        // A session keeps a client id and a key, a room its name.
        tables + limits.max_peers * 2 * limits.max_id_bytes + limits.max_rooms * limits.max_id_bytes
    }

    /// How many peers are there.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// How many rooms have somebody in them.
    pub fn rooms_len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether this peer's text may be handed in. Not while a verdict about it is awaited: what it sends meanwhile stays in
    /// its socket.
    pub fn can_read(&self, peer: PeerId) -> bool {
        !matches!(self.peers.get(peer), Some(Session { state: State::ExpectVerdict { .. }, .. }))
    }

    /// Takes in what happened; what follows from it is appended to `out`. Inputs about peers that are not (or no longer) there
    /// are ignored.
    pub fn handle(&mut self, input: Input<'_>, now: Now, out: &mut Outbox) {
        self.input += 1;
        match input {
            Input::Open { peer, dialect, address } => {
                let session = Session::new(dialect, address, self.input, now, &self.limits);
                self.arm(session.deadline(&self.limits).0);
                self.peers.insert(peer, session);
                self.next_ping.get_or_insert(now.mono.after(self.limits.ping_interval));
            }
            Input::Text { peer, text } => {
                if let Some(session) = self.note_heard(peer, now)
                    && !matches!(session.state, State::Leaving { .. })
                {
                    session.dialect.handle_text(self, peer, text, now, out);
                }
            }
            Input::Binary { peer } => {
                self.note_heard(peer, now);
                self.let_go(peer, Close::Binary, out);
            }
            Input::Pong { peer } => {
                if let Some(session) = self.note_heard(peer, now) {
                    session.ponged = now.mono;
                }
            }
            Input::Ping { peer } => {
                self.note_heard(peer, now);
            }
            Input::Verdict { peer, verdict } => {
                if let Some(session) = self.peers.get(peer) {
                    session.dialect.handle_verdict(self, peer, verdict, now, out);
                }
            }
            Input::Ended { peer } => self.remove(peer, out),
            Input::Stop { peer } => self.stop(peer, out),
        }
        self.settle(now, out);
    }

    /// When [`Hub::handle_timeout`] wants to be called; `None` while nobody is there.
    pub fn next_timeout(&self) -> Option<Mono> {
        [self.next_ping, self.next_expiry].into_iter().flatten().min()
    }

    /// Does a part of what is due; to be called again for as long as [`Hub::next_timeout`] is not after `now`.
    pub fn handle_timeout(&mut self, now: Now, out: &mut Outbox) {
        self.input += 1;
        if self.next_ping.is_some_and(|at| at <= now.mono) {
            self.ping_some(now, out);
        } else if self.next_expiry.is_some_and(|at| at <= now.mono) {
            self.expire_some(now, out);
        }
        self.settle(now, out);
    }

    fn settle(&mut self, now: Now, out: &mut Outbox) {
        if !self.waiting.is_empty() {
            seating::settle(self, now, out);
        }
        if self.peers.is_empty() {
            self.next_ping = None;
            self.next_expiry = None;
            self.ping_from = 0;
        }
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
    }

    fn note_heard(&mut self, peer: PeerId, now: Now) -> Option<&mut Session> {
        let session = self.peers.get_mut(peer)?;
        session.note_heard(self.input, now);
        Some(session)
    }

    /// Pings are answered one by one, but sent together: that way a board wakes up once per interval for all its clients.
    fn ping_some(&mut self, now: Now, out: &mut Outbox) {
        let end = (self.ping_from + PEERS_A_CALL).min(self.peers.end());
        for index in self.ping_from..end {
            if let Some((to, session)) = self.peers.at(index).filter(|(_, session)| session.is_pinged()) {
                // Clients count only the JSON ping; browsers answer the other even in a throttled tab.
                out.push(Effect::Send { to, text: session.dialect.ping().into() });
                out.push(Effect::Ping { to });
            }
        }
        self.ping_from = end;
        if end == self.peers.end() {
            self.ping_from = 0;
            self.next_ping = Some(now.mono.after(self.limits.ping_interval));
        }
    }

    /// A walk over all sessions, so O(n); done once per shortest timeout, not per message.
    fn expire_some(&mut self, now: Now, out: &mut Outbox) {
        let mut due = std::mem::take(&mut self.due);
        let mut next = None;
        for (peer, session) in self.peers.iter() {
            let (at, _) = session.deadline(&self.limits);
            if at <= now.mono && due.len() < PEERS_A_CALL {
                due.push(peer);
            } else {
                next = earlier(next, at);
            }
        }
        self.next_expiry = next;
        for peer in due.drain(..) {
            self.expire(peer, now, out);
        }
        self.due = due;
    }

    fn expire(&mut self, peer: PeerId, now: Now, out: &mut Outbox) {
        // Gone already, perhaps, by what happened to those before it.
        let Some(session) = self.peers.get(peer) else { return };
        match session.deadline(&self.limits).1 {
            Expiry::Register => self.let_go(peer, Close::RegisterTimeout, out),
            Expiry::Pong => self.let_go(peer, Close::PongTimeout, out),
            Expiry::Read => self.let_go(peer, Close::ReadTimeout, out),
            Expiry::Reject => self.send_reject(peer, out),
            // Settled right after this, by `seating::settle`.
            Expiry::Probe => self.arm(now.mono),
        }
    }

    /// Makes sure that the timer goes off at `at`.
    fn arm(&mut self, at: Mono) {
        self.next_expiry = earlier(self.next_expiry, at);
    }

    /// Moves a peer on to its next state.
    pub(super) fn set_state(&mut self, peer: PeerId, state: State) {
        if let Some(session) = self.peers.get_mut(peer) {
            session.state = state;
            let at = session.deadline(&self.limits).0;
            self.arm(at);
        }
    }

    /// Rejects a peer: at once, or later if its address is rejected again and again.
    pub(super) fn reject(&mut self, peer: PeerId, reason: Cow<'static, str>, now: Now, out: &mut Outbox) {
        let Some(session) = self.peers.get(peer) else { return };
        let delay = self.rejections.count(session.address, now.mono);
        log::info!("client {peer} rejected: {reason}, answered after {delay:?}");
        let is_leaving = |session: &Session| matches!(session.state, State::Leaving { .. });
        let leaving = self.peers.iter().filter(|(_, session)| is_leaving(session)).count();
        self.set_state(peer, State::Leaving { reason, until: now.mono.after(delay) });
        // Those held back keep places that others may need: a quarter of them at the most.
        if delay.is_zero() || leaving >= self.limits.max_peers / 4 {
            self.send_reject(peer, out);
        }
    }

    fn send_reject(&mut self, peer: PeerId, out: &mut Outbox) {
        let Some(session) = self.peers.get(peer) else { return };
        if let State::Leaving { reason, .. } = &session.state {
            out.push(Effect::Send { to: peer, text: session.dialect.reject(reason).into() });
        }
        self.let_go(peer, Close::Rejected, out);
    }

    /// Lets a peer go: it is closed, forgotten, and its room-mates are told.
    pub(super) fn let_go(&mut self, peer: PeerId, close: Close, out: &mut Outbox) {
        if self.peers.get(peer).is_some() {
            out.push(Effect::Close { peer, close });
            self.remove(peer, out);
        }
    }

    /// Forgets a peer whose socket needs no more closing, and tells its room-mates.
    fn remove(&mut self, peer: PeerId, out: &mut Outbox) {
        if let Some(session) = self.take(peer) {
            session.dialect.handle_gone(self, peer, session.state, out);
        }
    }

    /// Takes a peer out of the tables of the hub; its seat, if it has one, is the caller's to free.
    pub(super) fn take(&mut self, peer: PeerId) -> Option<Session> {
        self.waiting.retain(|waiting| *waiting != peer);
        self.peers.remove(peer)
    }

    /// Takes the applicant out of the queue for seats; the peer's next state is the caller's to set.
    pub(super) fn stop_waiting(&mut self, peer: PeerId) -> Option<Box<Applicant>> {
        self.waiting.retain(|waiting| *waiting != peer);
        self.peers.get_mut(peer)?.take_applicant()
    }

    fn stop(&mut self, peer: PeerId, out: &mut Outbox) {
        let Some(session) = self.take(peer) else { return };
        if !session.is_standalone() {
            out.push(Effect::Send { to: peer, text: session.dialect.farewell().into() });
        }
        out.push(Effect::Close { peer, close: Close::Stopping });
        // Room-mates are not told: each is let go in the same way.
        if let Some(seat) = session.seat() {
            self.rooms.leave(seat.room, peer);
        }
    }

    /// Checks what must always hold; runs after every call in debug builds.
    ///
    /// # Panics
    /// If something does not hold.
    pub fn check_invariants(&self) {
        for (peer, session) in self.peers.iter() {
            if let Some(seat) = session.seat() {
                let seats = self.rooms.peers(seat.room).filter(|other| *other == peer).count();
                assert_eq!(seats, 1, "peer {peer} has {seats} seats in the room that it thinks it is in");
            }
            let is_waiting = matches!(session.state, State::ExpectSeat { .. });
            let places = self.waiting.iter().filter(|waiting| **waiting == peer).count();
            assert_eq!(
                places,
                usize::from(is_waiting),
                "peer {peer} is in the queue for seats {places} times"
            );
            let deadline = session.deadline(&self.limits);
            assert!(
                self.next_expiry.is_some_and(|at| at <= deadline.0),
                "{deadline:?} of {peer} would be missed"
            );
        }
        let mut seated = 0;
        for (room, name) in self.rooms.iter() {
            assert_eq!(self.rooms.find(name), Some(room), "room {name:?} is not found by its name");
            for peer in self.rooms.peers(room) {
                let seat = self.peers.get(peer).and_then(|session| session.seat());
                assert_eq!(
                    seat.map(|seat| seat.room),
                    Some(room),
                    "peer {peer} does not know its seat in {name:?}"
                );
                seated += 1;
            }
            assert_ne!(self.rooms.peers(room).count(), 0, "room {name:?} is empty");
        }
        assert!(seated <= self.peers.len(), "more seats than peers");
        assert_eq!(self.next_ping.is_some(), !self.peers.is_empty(), "pings are for whoever is there");
        assert!(
            !self.peers.is_empty() || self.next_timeout().is_none(),
            "nobody is there: nothing may be due"
        );
    }
}

fn earlier(a: Option<Mono>, b: Mono) -> Option<Mono> {
    Some(a.map_or(b, |a| a.min(b)))
}
