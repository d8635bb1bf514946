//! The hub: all peers, their rooms and their timers. [`Hub::handle`] takes in, [`Hub::next_timeout`] and
//! [`Hub::handle_timeout`] keep the time, and everything goes out through the [`Outbox`].
//!
//! The hub does what is the same for every dialect: who is there, when they are pinged and when their time is
//! up. What a message means is the dialect's business.

use super::{
    Close, Dialect, Effect, Input, Kind, Limits, Mono, Now, Outbox, PeerId, Refusal, ayame,
    counts::Counts,
    credentials::Keys,
    dialect,
    ice::IceServers,
    ids::ConnectionIds,
    mesh,
    rejections::Rejections,
    rooms::{RoomId, Rooms},
    seating,
    session::{Applicant, Expiry, Seat, Session, State},
    token::TOKEN_BYTES_MAX,
};
use crate::{deadlines::Deadlines, slots::SideTable};
use std::collections::VecDeque;

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
    /// Something has happened that those in `waiting` must be looked after for.
    pub(super) is_unsettled: bool,
    /// The server is stopping: nobody gets a seat any more.
    pub(super) is_stopping: bool,
    /// Seats of the mesh dialect.
    pub(super) mesh: mesh::Seats,
    /// Counts the inputs.
    pub(super) input: u64,
    /// The time of the input being handled.
    pub(super) now: Now,
    /// Who may enter which room.
    pub(super) keys: Keys,
    /// Whether the peer being handled has to wait before a key of its is looked at.
    pub(super) is_penalised: bool,
    /// What clients are told to find each other by.
    pub(super) ice_servers: IceServers,
    pub(super) counts: Counts,
    /// What the message being handled is, as far as is known yet.
    pub(super) arrived: Kind,
    pub(super) rejections: Rejections,
    /// The tick on which all are pinged. Set while anybody is there.
    pub(super) next_ping: Option<Mono>,
    /// How far the current tick has come.
    ping_from: usize,
    /// When each session is to be looked at: not after its deadline, but before it if that has moved since. To keep up with each message
    /// would cost more than to look, now and then, in vain.
    pub(super) expiries: Deadlines,
}

impl Hub {
    /// An empty hub. All tables are allocated here and never grow. `seed` makes the ids: unpredictable in service, fixed in
    /// tests.
    pub fn new(limits: Limits, seed: [u8; 32]) -> Self {
        Self {
            peers: SideTable::with_capacity(limits.max_peers),
            rooms: Rooms::new(limits.max_rooms, seats_max(&limits)),
            is_unsettled: false,
            is_stopping: false,
            mesh: mesh::Seats::with_capacity(limits.max_peers),
            now: Now { mono: Mono::START, unix_ms: 0 },
            ids: ConnectionIds::new(seed),
            waiting: VecDeque::with_capacity(limits.max_peers),
            input: 0,
            keys: Keys::default(),
            is_penalised: false,
            ice_servers: IceServers::default(),
            counts: Counts::default(),
            arrived: Kind::Other,
            rejections: Rejections::new(limits.reject_delay_max),
            next_ping: None,
            ping_from: 0,
            expiries: Deadlines::with_capacity(limits.max_peers),
            limits,
        }
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
        self.now = now;
        match input {
            Input::Open { peer, dialect, address, room, credential } => {
                let mut session = Session::new(dialect, address, now, &self.limits);
                // Only these two learn the room later.
                if matches!(dialect, Dialect::Ayame | Dialect::Mesh) && !self.keys.is_open() {
                    session.credential =
                        credential.filter(|text| text.len() <= TOKEN_BYTES_MAX).map(Into::into);
                }
                self.peers.insert(peer, session);
                self.arm(peer);
                self.next_ping.get_or_insert(now.mono.after(self.limits.ping_interval));
                match self.check_upgrade(dialect, room, credential, now) {
                    Ok(()) => dialect.handle_open(self, peer, room, out),
                    Err(denial) => {
                        log::info!(connection:% = peer, room, reason:% = denial; "not let in");
                        out.push(Effect::Refused { peer, denial });
                        self.let_go(peer, Close::Refused(Refusal::Unauthorized), out);
                    }
                }
            }
            Input::Text { peer, text } => {
                if let Some(session) = self.note_heard(peer)
                    && !matches!(session.state, State::Leaving { .. })
                {
                    let dialect = session.dialect;
                    self.arrived = Kind::Other;
                    dialect.handle_text(self, peer, text, out);
                    self.counts.received.count(dialect, self.arrived, text.len());
                }
            }
            Input::Binary { peer, bytes } => {
                if let Some(session) = self.note_heard(peer)
                    && !matches!(session.state, State::Leaving { .. })
                {
                    let dialect = session.dialect;
                    self.arrived = Kind::Other;
                    dialect.handle_binary(self, peer, bytes, out);
                    self.counts.received.count(dialect, self.arrived, bytes.len());
                }
            }
            Input::Pong { peer } => {
                if let Some(session) = self.note_heard(peer) {
                    session.ponged = now.mono;
                }
            }
            Input::Ping { peer } => {
                self.note_heard(peer);
            }
            Input::Verdict { peer, verdict } => {
                if let Some(session) = self.peers.get(peer) {
                    session.dialect.handle_verdict(self, peer, verdict, out);
                }
            }
            Input::Ended { peer } => self.remove(peer, None, out),
            Input::Overflowed { peer } => self.remove(peer, Some(Close::Overflow), out),
            Input::Dismiss { peer } => self.dismiss(peer, out),
            Input::DismissRoom { name } => self.dismiss_room(name, out),
            Input::Stop { peer } => self.stop(peer, out),
        }
        self.settle(out);
    }

    /// When [`Hub::handle_timeout`] wants to be called; `None` while nobody is there.
    pub fn next_timeout(&self) -> Option<Mono> {
        // Asked twice a turn.
        Mono::earlier(Mono::earlier(self.next_ping, self.expiries.next()), self.mesh.next_expiry())
    }

    /// Does a part of what is due; to be called again for as long as [`Hub::next_timeout`] is not after `now`.
    pub fn handle_timeout(&mut self, now: Now, out: &mut Outbox) {
        self.input += 1;
        self.now = now;
        if self.next_ping.is_some_and(|at| at <= now.mono) {
            self.ping_some(now, out);
        } else if self.expiries.next().is_some_and(|at| at <= now.mono) {
            self.expire_some(now, out);
        } else if self.mesh.next_expiry().is_some_and(|at| at <= now.mono) {
            mesh::expire(self, out);
        }
        self.settle(out);
    }

    fn settle(&mut self, out: &mut Outbox) {
        while std::mem::take(&mut self.is_unsettled) && !self.is_stopping {
            seating::settle(self, out);
        }
        if self.peers.is_empty() {
            self.next_ping = None;
            self.ping_from = 0;
        }
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
    }

    fn note_heard(&mut self, peer: PeerId) -> Option<&mut Session> {
        let session = self.peers.get_mut(peer)?;
        session.heard = self.now.mono;
        if let State::Joined(Seat::Ayame(seat)) = &mut session.state {
            seat.heard_at = self.input;
            // An answer is news for those who wait for the seat.
            self.is_unsettled |= seat.answer_until.take().is_some();
        }
        Some(session)
    }

    /// Pings are answered one by one, but sent together: that way a board wakes up once per interval for all its clients. For the same
    /// reason this looks at everybody's deadline that would be looked at before the next tick.
    fn ping_some(&mut self, now: Now, out: &mut Outbox) {
        let end = (self.ping_from + PEERS_A_CALL).min(self.peers.end());
        let next = now.mono.after(self.limits.ping_interval);
        for index in self.ping_from..end {
            let Some((to, session)) = self.peers.at(index) else { continue };
            if self.expiries.get(to).is_some_and(|at| at <= next) {
                self.expiries.set(to, session.deadline(&self.limits).0);
            }
            if session.is_pinged() {
                // Clients count only the JSON ping; browsers answer the other even in a throttled tab.
                let ping = session.dialect.ping();
                out.extend(ping.map(|text| Effect::Send { to, kind: Kind::Ping, text: text.into() }));
                out.push(Effect::Ping { to });
            }
        }
        self.ping_from = end;
        if end == self.peers.end() {
            self.ping_from = 0;
            self.next_ping = Some(next);
        }
    }

    fn expire_some(&mut self, now: Now, out: &mut Outbox) {
        for _ in 0..PEERS_A_CALL {
            let Some((_, peer)) = self.expiries.first().filter(|(at, _)| *at <= now.mono) else { return };
            match self.peers.get(peer).map(|session| session.deadline(&self.limits).0) {
                // It was heard since.
                Some(at) if at > now.mono => self.expiries.set(peer, at),
                Some(_) => self.expire(peer, out),
                None => self.expiries.remove(peer),
            }
        }
    }

    fn expire(&mut self, peer: PeerId, out: &mut Outbox) {
        let Some(session) = self.peers.get(peer) else { return };
        match session.deadline(&self.limits).1 {
            Expiry::Register => self.let_go(peer, Close::RegisterTimeout, out),
            Expiry::Pong => self.let_go(peer, Close::PongTimeout, out),
            Expiry::Read => self.let_go(peer, Close::ReadTimeout, out),
            Expiry::Reject => self.send_reject(peer, out),
            Expiry::Answer => {
                seating::expire(self, peer, out);
                // If it may stay, its next deadline is another.
                self.expiries.remove(peer);
                self.arm(peer);
            }
        }
    }

    /// Makes sure that this peer is looked at when its deadline has come.
    pub(super) fn arm(&mut self, peer: PeerId) {
        if let Some(session) = self.peers.get(peer) {
            self.expiries.bring_forward(peer, session.deadline(&self.limits).0);
        }
    }

    /// Seats a peer in the room that its URL named.
    pub(super) fn join_by_url(
        &mut self,
        dialect: Dialect,
        room: &str,
        peer: PeerId,
    ) -> Result<RoomId, Refusal> {
        if room.len() > self.limits.max_id_bytes {
            return Err(Refusal::RoomNameTooLong);
        }
        self.rooms.join(dialect, room, self.limits.max_peers_per_room, peer)
    }

    /// Moves a peer on to its next state.
    pub(super) fn set_state(&mut self, peer: PeerId, state: State) {
        if let Some(session) = self.peers.get_mut(peer) {
            session.state = state;
            self.arm(peer);
        }
    }

    /// Lets a peer go: it is closed, forgotten, and its room-mates are told.
    pub(super) fn let_go(&mut self, peer: PeerId, close: Close, out: &mut Outbox) {
        if let Some(session) = self.peers.get(peer) {
            if let Close::Refused(refusal) = close {
                self.counts.reject(session.dialect, refusal.into());
            }
            out.push(Effect::Close { peer, close });
            self.remove(peer, Some(close), out);
        }
    }

    /// Forgets a peer, which was let go with `close` or whose socket has ended, and tells its room-mates.
    fn remove(&mut self, peer: PeerId, close: Option<Close>, out: &mut Outbox) {
        self.log_end(peer, close);
        if let Some(session) = self.take(peer) {
            dialect::handle_gone(self, peer, session.state, close, out);
        }
    }

    /// Takes a peer out of the tables of the hub; its seat, if it has one, is the caller's to free.
    pub(super) fn take(&mut self, peer: PeerId) -> Option<Session> {
        self.waiting.retain(|waiting| *waiting != peer);
        self.expiries.remove(peer);
        self.peers.remove(peer)
    }

    /// Takes the applicant out of the queue for seats; the peer's next state is the caller's to set.
    pub(super) fn stop_waiting(&mut self, peer: PeerId) -> Option<Box<Applicant>> {
        self.waiting.retain(|waiting| *waiting != peer);
        self.peers.get_mut(peer)?.take_applicant()
    }

    fn stop(&mut self, peer: PeerId, out: &mut Outbox) {
        self.is_stopping = true;
        self.log_end(peer, Some(Close::Stopping));
        let Some(session) = self.take(peer) else { return };
        let farewell = session.dialect.farewell().filter(|_| !session.is_standalone());
        out.extend(farewell.map(|text| Effect::Send { to: peer, kind: Kind::Bye, text: text.into() }));
        out.push(Effect::Close { peer, close: Close::Stopping });
        // Room-mates are not told: each is let go in the same way.
        match session.state {
            State::Joined(Seat::Ayame(seat)) => {
                ayame::report(self, peer, &seat, out);
                self.rooms.leave(seat.room, peer);
            }
            State::Joined(Seat::Mailbox(seat)) => self.rooms.leave(seat.room, peer),
            State::Joined(Seat::Room(room)) => self.rooms.leave(room, peer),
            State::Joined(Seat::Mesh(seat)) => mesh::handle_stop(self, seat),
            _ => {}
        }
    }
}

/// The most seats that a room of any dialect has.
pub(super) fn seats_max(limits: &Limits) -> usize {
    limits.max_peers_per_room.max(ayame::SEATS)
}
