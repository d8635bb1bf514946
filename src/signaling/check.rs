//! What must always hold of a hub. Checked after every call in debug builds, so that a test that breaks a rule fails where it breaks it.

use super::{
    Dialect, Hub, PeerId,
    rooms::RoomId,
    seating,
    session::{Seat, Session, State},
};

impl Hub {
    /// Checks what must always hold.
    ///
    /// # Panics
    /// If something does not hold.
    pub fn check_invariants(&self) {
        for (peer, session) in self.peers.iter() {
            self.check_session(peer, session);
        }
        for (seat, mesh) in self.mesh.iter() {
            assert_eq!(self.count(mesh.room, seat), 1, "mesh seat {seat} is not in its room");
            if let Some(peer) = mesh.peer {
                let state = self.peers.get(peer).map(|session| &session.state);
                let knows = matches!(state, Some(State::Joined(Seat::Mesh(own))) if *own == seat);
                assert!(knows, "peer {peer} does not know its mesh seat");
            }
        }
        for (room, dialect, name) in self.rooms.iter() {
            assert_eq!(self.rooms.find(dialect, name), Some(room), "room {name:?} is not found by its name");
            assert_ne!(self.rooms.peers(room).count(), 0, "room {name:?} is empty");
            for seat in self.rooms.peers(room) {
                assert_eq!(
                    self.room_of(dialect, seat),
                    Some(room),
                    "{seat} does not know its seat in {name:?}"
                );
            }
        }
        assert_eq!(self.next_ping.is_some(), !self.peers.is_empty(), "pings are for whoever is there");
        assert!(
            !self.peers.is_empty() || self.expiries.next().is_none(),
            "nobody is there: nothing may be due"
        );
    }

    fn check_session(&self, peer: PeerId, session: &Session) {
        if let Some(room) = self.room_of(session.dialect, peer).filter(|_| session.dialect != Dialect::Mesh) {
            assert_eq!(self.count(room, peer), 1, "peer {peer} is not in the room that it thinks it is in");
        }
        if let State::Joined(Seat::Mesh(seat)) = &session.state {
            let sits = self.mesh.get(*seat).and_then(|seat| seat.peer);
            assert_eq!(sits, Some(peer), "peer {peer} thinks that it sits where another does");
        }
        let is_waiting = matches!(session.state, State::ExpectSeat { .. });
        let places = self.waiting.iter().filter(|waiting| **waiting == peer).count();
        assert_eq!(places, usize::from(is_waiting), "peer {peer} is in the queue for seats {places} times");
        if is_waiting && !self.is_stopping {
            assert_eq!(seating::outcome(self, peer), seating::Outcome::Wait, "peer {peer} waits for nothing");
        }
        let deadline = session.deadline(&self.limits);
        assert!(
            self.expiries.get(peer).is_some_and(|at| at <= deadline.0),
            "{deadline:?} of {peer} would be missed"
        );
    }

    fn count(&self, room: RoomId, seat: PeerId) -> usize {
        self.rooms.peers(room).filter(|other| *other == seat).count()
    }

    /// The room that whatever stands in a seat thinks it is in: a mesh seat in a room of the mesh, a peer anywhere else.
    fn room_of(&self, dialect: Dialect, seat: PeerId) -> Option<RoomId> {
        if dialect == Dialect::Mesh {
            return self.mesh.get(seat).map(|seat| seat.room);
        }
        match &self.peers.get(seat)?.state {
            State::Joined(Seat::Ayame(seat)) => Some(seat.room),
            State::Joined(Seat::Mailbox(seat)) => Some(seat.room),
            State::Joined(Seat::Room(room)) => Some(*room),
            _ => None,
        }
    }
}
