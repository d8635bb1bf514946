//! Who is due next, of many: found at once, without a look at everybody.
//!
//! [`Deadlines`] keeps at most one deadline for each key of a table, in a binary heap (the earliest on top, each not after the two below it)
//! that knows where everybody's stands. To set or remove one costs a few steps, the more the more there are: 14 for 10,000.

use crate::{signaling::Mono, slots::Key};

/// Deadlines of the keys of one table.
#[derive(Debug)]
pub struct Deadlines {
    heap: Vec<(Mono, Key)>,
    /// Where the deadline of the key with this index stands in the heap.
    places: Vec<u16>,
    capacity: usize,
}

/// Stands for a key that has no deadline: a table has fewer keys than this.
const NOWHERE: u16 = u16::MAX;

impl Deadlines {
    /// None yet, and never more than `capacity`, at most [`Key::MAX_CAPACITY`].
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.min(Key::MAX_CAPACITY);
        Self { heap: Vec::with_capacity(capacity), places: Vec::with_capacity(capacity), capacity }
    }

    /// Bytes that it takes.
    pub const fn bytes(capacity: usize) -> usize {
        capacity * (size_of::<(Mono, Key)>() + size_of::<u16>())
    }

    /// The earliest.
    pub fn first(&self) -> Option<(Mono, Key)> {
        self.heap.first().copied()
    }

    /// When the earliest is.
    pub fn next(&self) -> Option<Mono> {
        self.first().map(|(at, _)| at)
    }

    /// The deadline of `key`.
    pub fn get(&self, key: Key) -> Option<Mono> {
        let (at, owner) = self.heap.get(self.place(key)?)?;
        (*owner == key).then_some(*at)
    }

    /// Sets the deadline of `key`; one of another occupant of its slot gives way. Nothing happens beyond the capacity.
    pub fn set(&mut self, key: Key, at: Mono) {
        let place = match self.place(key) {
            Some(place) => place,
            None if key.index() < self.capacity => {
                if self.places.len() <= key.index() {
                    self.places.resize(key.index() + 1, NOWHERE);
                }
                self.heap.push((at, key));
                self.heap.len() - 1
            }
            None => return,
        };
        self.settle(place, (at, key));
    }

    /// Sets the deadline of `key` if it has none, or a later one.
    pub fn bring_forward(&mut self, key: Key, at: Mono) {
        if self.get(key).is_none_or(|now| at < now) {
            self.set(key, at);
        }
    }

    /// Removes the deadline of `key`, if it has one.
    pub fn remove(&mut self, key: Key) {
        let Some(place) = self.place(key).filter(|_| self.get(key).is_some()) else { return };
        if let Some(own) = self.places.get_mut(key.index()) {
            *own = NOWHERE;
        }
        // The last one takes its place.
        let Some(last) = self.heap.pop() else { return };
        if place < self.heap.len() {
            self.settle(place, last);
        }
    }

    fn place(&self, key: Key) -> Option<usize> {
        self.places.get(key.index()).filter(|place| **place != NOWHERE).map(|place| usize::from(*place))
    }

    fn put(&mut self, place: usize, entry: (Mono, Key)) {
        if let Some(there) = self.heap.get_mut(place) {
            *there = entry;
        }
        if let Some(own) = self.places.get_mut(entry.1.index()) {
            *own = place as u16;
        }
    }

    /// Puts a deadline where it belongs: to a free place, or further up or down. Of two at the same time that of the lower slot is first, so that
    /// what follows does not depend on what was before.
    fn settle(&mut self, mut place: usize, entry: (Mono, Key)) {
        while let Some(above) = place.checked_sub(1).map(|below| below / 2)
            && let Some(&other) = self.heap.get(above)
            && entry < other
        {
            self.put(place, other);
            place = above;
        }
        let mut left = 2 * place + 1;
        while let Some(&first) = self.heap.get(left) {
            let (below, other) = match self.heap.get(left + 1) {
                Some(&second) if second < first => (left + 1, second),
                _ => (left, first),
            };
            if entry < other {
                break;
            }
            self.put(place, other);
            place = below;
            left = 2 * place + 1;
        }
        self.put(place, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Slots;
    use rand::{RngExt, SeedableRng, rngs::StdRng};
    use std::collections::HashMap;

    #[test]
    fn the_earliest_is_the_one_that_a_look_at_everybody_finds() {
        let mut random = StdRng::seed_from_u64(9);
        let mut slots = Slots::with_capacity(50);
        let keys: Vec<Key> = (0..50).map(|_| slots.insert_with(|_| ()).unwrap()).collect();
        let mut deadlines = Deadlines::with_capacity(50);
        let mut model: HashMap<Key, Mono> = HashMap::new();
        for step in 0..20_000 {
            let key = keys[random.random_range(0..keys.len())];
            let at = Mono::from_millis(random.random_range(0..100));
            match random.random_range(0..5) {
                0 | 1 => {
                    deadlines.set(key, at);
                    model.insert(key, at);
                }
                2 => {
                    deadlines.bring_forward(key, at);
                    let own = model.entry(key).or_insert(at);
                    *own = at.min(*own);
                }
                _ => {
                    deadlines.remove(key);
                    model.remove(&key);
                }
            }
            let first = model.iter().map(|(key, at)| (*at, *key)).min();
            assert_eq!(deadlines.first(), first, "step {step}");
            assert_eq!(deadlines.get(key), model.get(&key).copied(), "step {step}");
            assert_eq!(deadlines.heap.len(), model.len(), "step {step}");
        }
    }

    #[test]
    fn whoever_comes_after_another_has_nothing_of_its() {
        let mut slots = Slots::with_capacity(1);
        let (early, late) = (Mono::from_millis(1), Mono::from_millis(2));
        let mut deadlines = Deadlines::with_capacity(1);
        let first = slots.insert_with(|_| ()).unwrap();
        deadlines.set(first, early);
        slots.remove(first);
        let second = slots.insert_with(|_| ()).unwrap();
        assert_eq!(deadlines.get(second), None);
        deadlines.remove(second);
        assert_eq!(deadlines.first(), Some((early, first)));
        deadlines.bring_forward(second, late);
        assert_eq!(deadlines.first(), Some((late, second)));
        deadlines.remove(first);
        assert_eq!(deadlines.first(), Some((late, second)));
    }

    #[test]
    fn it_never_grows() {
        let mut slots = Slots::with_capacity(3);
        let keys: Vec<Key> = (0..3).map(|_| slots.insert_with(|_| ()).unwrap()).collect();
        let mut deadlines = Deadlines::with_capacity(2);
        let room = (deadlines.heap.capacity(), deadlines.places.capacity());
        for key in keys {
            deadlines.set(key, Mono::START);
        }
        assert_eq!(deadlines.heap.len(), 2);
        assert_eq!((deadlines.heap.capacity(), deadlines.places.capacity()), room);
    }
}
