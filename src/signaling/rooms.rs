//! Rooms of a fixed number of seats, in a table of fixed size.

use super::PeerId;
use crate::slots::{Key, Slots};
use std::{collections::HashMap, sync::Arc};

/// Names one room for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoomId(Key);

/// Why nobody could be seated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinError {
    /// Every seat of this room is taken.
    RoomFull,
    /// There are as many rooms as there may be.
    NoRoomLeft,
}

/// Who sits where. Every room has the same number of seats, and none is empty: the last one out ends it.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: Slots<Arc<str>>,
    by_name: HashMap<Arc<str>, RoomId>,
    /// The seats of the room with index `i` are those from `i * seats_per_room`.
    seats: Vec<Option<PeerId>>,
    seats_per_room: usize,
}

impl Rooms {
    /// No rooms yet, and never more than `max_rooms`.
    pub(super) fn new(max_rooms: usize, seats_per_room: usize) -> Self {
        Self {
            rooms: Slots::with_capacity(max_rooms),
            // Twice as many places: a hash table that full of tombstones is cleaned in place, never grown.
            by_name: HashMap::with_capacity(max_rooms * 2),
            seats: Vec::with_capacity(max_rooms * seats_per_room),
            seats_per_room,
        }
    }

    /// Bytes that the table takes, without the names.
    pub(super) fn bytes(max_rooms: usize, seats_per_room: usize) -> usize {
        // A hash table keeps a byte beside each place and rounds up to a power of two at 7/8 full.
        let places = (max_rooms * 2 * 8 / 7).next_power_of_two();
        Slots::<Arc<str>>::bytes(max_rooms)
            + places * (size_of::<(Arc<str>, RoomId)>() + 1)
            + max_rooms * seats_per_room * size_of::<Option<PeerId>>()
    }

    /// How many rooms there are.
    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// The room of this name, if anybody is in it.
    pub(super) fn find(&self, name: &str) -> Option<RoomId> {
        self.by_name.get(name).copied()
    }

    /// The room's name.
    pub(super) fn name(&self, room: RoomId) -> &str {
        self.rooms.get(room.0).map_or("", |name| name)
    }

    /// Seats `peer` in the room of this name, which is made if need be.
    pub(super) fn join(&mut self, name: &str, peer: PeerId) -> Result<RoomId, JoinError> {
        let room = match self.find(name) {
            Some(room) => room,
            None => self.open(name)?,
        };
        let seat = self.seats_mut(room).iter_mut().find(|seat| seat.is_none());
        *seat.ok_or(JoinError::RoomFull)? = Some(peer);
        Ok(room)
    }

    /// Frees the seat of `peer`; the last one out ends the room.
    pub(super) fn leave(&mut self, room: RoomId, peer: PeerId) {
        for seat in self.seats_mut(room) {
            if *seat == Some(peer) {
                *seat = None;
            }
        }
        if self.peers(room).next().is_none()
            && let Some(name) = self.rooms.remove(room.0)
        {
            self.by_name.remove(&name);
        }
    }

    /// Who sits in the room.
    pub(super) fn peers(&self, room: RoomId) -> impl Iterator<Item = PeerId> {
        let seats = match self.rooms.get(room.0) {
            Some(_) => self.seats.get(self.range(room)).unwrap_or_default(),
            None => &[],
        };
        seats.iter().flatten().copied()
    }

    /// Whether every seat is taken.
    pub(super) fn is_full(&self, room: RoomId) -> bool {
        self.peers(room).count() == self.seats_per_room
    }

    /// All rooms, for checks.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RoomId, &str)> {
        self.rooms.iter().map(|(key, name)| (RoomId(key), &**name))
    }

    fn open(&mut self, name: &str) -> Result<RoomId, JoinError> {
        if self.rooms.is_full() {
            return Err(JoinError::NoRoomLeft);
        }
        let name: Arc<str> = name.into();
        let key = self.rooms.insert_with(|_| name.clone()).ok_or(JoinError::NoRoomLeft)?;
        let room = RoomId(key);
        let end = self.range(room).end;
        if self.seats.len() < end {
            self.seats.resize(end, None);
        }
        self.by_name.insert(name, room);
        Ok(room)
    }

    fn seats_mut(&mut self, room: RoomId) -> &mut [Option<PeerId>] {
        let range = self.range(room);
        match self.rooms.get(room.0) {
            Some(_) => self.seats.get_mut(range).unwrap_or_default(),
            None => &mut [],
        }
    }

    fn range(&self, room: RoomId) -> std::ops::Range<usize> {
        let start = room.0.index() * self.seats_per_room;
        start..start + self.seats_per_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(count: usize) -> Vec<PeerId> {
        let mut slots = Slots::with_capacity(count);
        (0..count).map(|_| slots.insert_with(|_| ()).unwrap()).collect()
    }

    #[test]
    fn a_room_lasts_from_the_first_in_to_the_last_out() {
        let p = peers(3);
        let mut rooms = Rooms::new(4, 2);
        assert_eq!(rooms.find("door"), None);
        let door = rooms.join("door", p[0]).unwrap();
        assert_eq!(rooms.join("door", p[1]), Ok(door));
        assert!(rooms.is_full(door));
        assert_eq!(rooms.join("door", p[2]), Err(JoinError::RoomFull));
        rooms.leave(door, p[0]);
        assert_eq!(rooms.peers(door).collect::<Vec<_>>(), [p[1]]);
        assert_eq!(rooms.join("door", p[2]), Ok(door), "a free seat is found again");
        rooms.leave(door, p[1]);
        rooms.leave(door, p[2]);
        assert_eq!((rooms.len(), rooms.find("door")), (0, None));
    }

    #[test]
    fn a_room_that_is_gone_has_nobody_in_it() {
        let p = peers(2);
        let mut rooms = Rooms::new(1, 2);
        let old = rooms.join("a", p[0]).unwrap();
        rooms.leave(old, p[0]);
        let new = rooms.join("b", p[1]).unwrap();
        assert_ne!(old, new);
        assert_eq!(rooms.peers(old).count(), 0, "the same slot, another room");
        rooms.leave(old, p[1]);
        assert_eq!(rooms.peers(new).count(), 1);
        assert_eq!(rooms.name(old), "");
    }

    #[test]
    fn a_full_table_refuses_and_the_table_of_names_never_grows() {
        let p = peers(1);
        let mut rooms = Rooms::new(3, 2);
        let room = rooms.by_name.capacity();
        for n in 0..1_000 {
            let id = rooms.join(&format!("room {n}"), p[0]).unwrap();
            if n >= 2 {
                assert_eq!(rooms.join("one more", p[0]), Err(JoinError::NoRoomLeft));
                let oldest = rooms.find(&format!("room {}", n - 2)).unwrap();
                rooms.leave(oldest, p[0]);
            }
            assert_eq!(rooms.find(&format!("room {n}")), Some(id));
        }
        assert_eq!(rooms.by_name.capacity(), room);
    }
}
