//! Rooms of a fixed number of seats, in a table of fixed size. Each dialect has rooms of its own: `r` in one and `r` in another are two
//! rooms, but all count against the same limit.

use super::{Dialect, Refusal};
use crate::slots::{Key, Slots};
use std::{collections::HashMap, sync::Arc};

/// Names one room for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoomId(Key);

/// Who sits where. No room is empty: the last one out ends it.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: Slots<Room>,
    /// For each dialect its rooms by their names.
    by_name: [HashMap<Arc<str>, RoomId>; Dialect::ALL.len()],
    /// The seats of the room with index `i` are those from `i * seats_max`; what sits there is a peer, or what the dialect
    /// has in its stead.
    seats: Vec<Option<Key>>,
    seats_max: usize,
}

#[derive(Debug)]
struct Room {
    dialect: Dialect,
    name: Arc<str>,
    /// How many seats it has: at most `seats_max`.
    seats: usize,
}

impl Rooms {
    /// No rooms yet, never more than `max_rooms`, and never more than `seats_max` seats in one.
    pub(super) fn new(max_rooms: usize, seats_max: usize) -> Self {
        Self {
            rooms: Slots::with_capacity(max_rooms),
            // Twice as many places: a hash table that full of tombstones is cleaned in place, never grown.
            by_name: std::array::from_fn(|_| HashMap::with_capacity(max_rooms * 2)),
            seats: Vec::with_capacity(max_rooms * seats_max),
            seats_max,
        }
    }

    /// Bytes that the table takes, without the names.
    pub(super) fn bytes(max_rooms: usize, seats_max: usize) -> usize {
        // A hash table keeps a byte beside each place and rounds up to a power of two at 7/8 full.
        let places = (max_rooms * 2 * 8 / 7).next_power_of_two();
        Slots::<Room>::bytes(max_rooms)
            + Dialect::ALL.len() * places * (size_of::<(Arc<str>, RoomId)>() + 1)
            + max_rooms * seats_max * size_of::<Option<Key>>()
    }

    /// How many rooms there are.
    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// The dialect's room of this name, if anybody is in it.
    pub(super) fn find(&self, dialect: Dialect, name: &str) -> Option<RoomId> {
        self.names(dialect)?.get(name).copied()
    }

    /// The room's name.
    pub(super) fn name(&self, room: RoomId) -> &str {
        self.rooms.get(room.0).map_or("", |room| &room.name)
    }

    /// Seats `peer` in the dialect's room of this name, which is made, with so many `seats`, if need be.
    pub(super) fn join(
        &mut self,
        dialect: Dialect,
        name: &str,
        seats: usize,
        peer: Key,
    ) -> Result<RoomId, Refusal> {
        let room = match self.find(dialect, name) {
            Some(room) => room,
            None => self.open(dialect, name, seats.min(self.seats_max))?,
        };
        let seat = self.seats_mut(room).iter_mut().find(|seat| seat.is_none());
        *seat.ok_or(Refusal::RoomFull)? = Some(peer);
        Ok(room)
    }

    /// Frees the seat of `peer`; the last one out ends the room.
    pub(super) fn leave(&mut self, room: RoomId, peer: Key) {
        for seat in self.seats_mut(room) {
            if *seat == Some(peer) {
                *seat = None;
            }
        }
        if self.peers(room).next().is_none()
            && let Some(Room { dialect, name, .. }) = self.rooms.remove(room.0)
            && let Some(names) = self.by_name.get_mut(dialect as usize)
        {
            names.remove(&name);
        }
    }

    /// Who sits in the room.
    pub(super) fn peers(&self, room: RoomId) -> impl Iterator<Item = Key> {
        self.seats.get(self.range(room)).unwrap_or_default().iter().flatten().copied()
    }

    /// Whether every seat is taken.
    pub(super) fn is_full(&self, room: RoomId) -> bool {
        self.peers(room).count() == self.range(room).len()
    }

    /// All rooms.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RoomId, Dialect, &str)> {
        self.rooms.iter().map(|(key, room)| (RoomId(key), room.dialect, &*room.name))
    }

    fn names(&self, dialect: Dialect) -> Option<&HashMap<Arc<str>, RoomId>> {
        self.by_name.get(dialect as usize)
    }

    fn open(&mut self, dialect: Dialect, name: &str, seats: usize) -> Result<RoomId, Refusal> {
        let name: Arc<str> = name.into();
        let room = Room { dialect, name: name.clone(), seats };
        let room = RoomId(self.rooms.insert_with(|_| room).ok_or(Refusal::NoRoomLeft)?);
        let end = (room.0.index() + 1) * self.seats_max;
        if self.seats.len() < end {
            self.seats.resize(end, None);
        }
        if let Some(names) = self.by_name.get_mut(dialect as usize) {
            names.insert(name, room);
        }
        Ok(room)
    }

    fn seats_mut(&mut self, room: RoomId) -> &mut [Option<Key>] {
        let range = self.range(room);
        self.seats.get_mut(range).unwrap_or_default()
    }

    /// Where the room's seats are; nowhere if it is gone.
    fn range(&self, room: RoomId) -> std::ops::Range<usize> {
        let start = room.0.index() * self.seats_max;
        let seats = self.rooms.get(room.0).map_or(0, |room| room.seats);
        start..start + seats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(count: usize) -> Vec<Key> {
        let mut slots = Slots::with_capacity(count);
        (0..count).map(|_| slots.insert_with(|_| ()).unwrap()).collect()
    }

    #[test]
    fn a_room_lasts_from_the_first_in_to_the_last_out() {
        let p = peers(3);
        let mut rooms = Rooms::new(4, 2);
        assert_eq!(rooms.find(Dialect::Ayame, "door"), None);
        let door = rooms.join(Dialect::Ayame, "door", 2, p[0]).unwrap();
        assert_eq!(rooms.join(Dialect::Ayame, "door", 2, p[1]), Ok(door));
        assert!(rooms.is_full(door));
        assert_eq!(rooms.join(Dialect::Ayame, "door", 2, p[2]), Err(Refusal::RoomFull));
        rooms.leave(door, p[0]);
        assert_eq!(rooms.peers(door).collect::<Vec<_>>(), [p[1]]);
        assert_eq!(rooms.join(Dialect::Ayame, "door", 2, p[2]), Ok(door), "a free seat is found again");
        rooms.leave(door, p[1]);
        rooms.leave(door, p[2]);
        assert_eq!((rooms.len(), rooms.find(Dialect::Ayame, "door")), (0, None));
    }

    #[test]
    fn dialects_share_no_room_but_share_the_limit() {
        let p = peers(5);
        let mut rooms = Rooms::new(2, 3);
        let ayame = rooms.join(Dialect::Ayame, "r", 2, p[0]).unwrap();
        let chat = rooms.join(Dialect::Chat, "r", 3, p[1]).unwrap();
        assert_ne!(ayame, chat);
        assert_eq!(rooms.join(Dialect::Relay, "r", 3, p[2]), Err(Refusal::NoRoomLeft));
        rooms.join(Dialect::Chat, "r", 3, p[2]).unwrap();
        rooms.join(Dialect::Chat, "r", 3, p[3]).unwrap();
        assert!(rooms.is_full(chat) && !rooms.is_full(ayame));
        assert_eq!(rooms.join(Dialect::Chat, "r", 3, p[4]), Err(Refusal::RoomFull));
    }

    #[test]
    fn a_room_that_is_gone_has_nobody_in_it() {
        let p = peers(2);
        let mut rooms = Rooms::new(1, 2);
        let old = rooms.join(Dialect::Ayame, "a", 2, p[0]).unwrap();
        rooms.leave(old, p[0]);
        let new = rooms.join(Dialect::Ayame, "b", 2, p[1]).unwrap();
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
        let room = rooms.by_name[0].capacity();
        for n in 0..1_000 {
            let id = rooms.join(Dialect::Ayame, &format!("room {n}"), 2, p[0]).unwrap();
            if n >= 2 {
                assert_eq!(rooms.join(Dialect::Ayame, "one more", 2, p[0]), Err(Refusal::NoRoomLeft));
                let oldest = rooms.find(Dialect::Ayame, &format!("room {}", n - 2)).unwrap();
                rooms.leave(oldest, p[0]);
            }
            assert_eq!(rooms.find(Dialect::Ayame, &format!("room {n}")), Some(id));
        }
        assert_eq!(rooms.by_name[0].capacity(), room);
    }
}
