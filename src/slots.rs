//! Fixed-capacity tables whose keys cannot be mistaken.
//!
//! [`Slots`] hands out a [`Key`]: the index of the slot and the generation of its occupant. A late
//! event for an occupant that is gone carries an old generation and finds nothing. [`SideTable`] keeps more about
//! the occupants of somebody else's `Slots`, under the same keys. Neither ever grows past the capacity it was made
//! with; the memory is reserved at once and touched when a slot is first used.

use std::{fmt, num::NonZeroU16};

/// Names one occupant of one slot: `index` below the table's capacity, `generation` counted per slot.
///
/// Small on purpose: it fits a mio token on 32-bit boards and there are many of them in the tables. A generation
/// comes round after 65,535 occupants of the same slot; keys that outlive that many are not kept anywhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    index: u16,
    generation: NonZeroU16,
}

impl Key {
    /// The most slots that a table can have.
    pub const MAX_CAPACITY: usize = u16::MAX as usize;

    /// The slot's place in the table.
    pub fn index(self) -> usize {
        usize::from(self.index)
    }

    /// The key as 32 bits, never below 65,536: smaller numbers stay free for other uses.
    pub fn to_bits(self) -> u32 {
        u32::from(self.generation.get()) << 16 | u32::from(self.index)
    }

    /// The inverse of [`Key::to_bits`]; `None` for the numbers below 65,536.
    pub fn from_bits(bits: u32) -> Option<Self> {
        let generation = NonZeroU16::new((bits >> 16) as u16)?;
        Some(Self { index: (bits & 0xffff) as u16, generation })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A table of at most `capacity` values that gives each a [`Key`].
#[derive(Debug)]
pub struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// Indices of empty slots; the last one freed is used first, so that few pages stay warm.
    free: Vec<u16>,
    capacity: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: NonZeroU16,
    value: Option<T>,
}

impl<T> Slots<T> {
    /// An empty table for `capacity` values, at most [`Key::MAX_CAPACITY`].
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.min(Key::MAX_CAPACITY);
        Self { slots: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity), capacity }
    }

    /// Bytes that a table of `capacity` values takes, without what the values point to.
    pub const fn bytes(capacity: usize) -> usize {
        capacity * (size_of::<Slot<T>>() + size_of::<u16>())
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether another value would not fit.
    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// The key that the next value will get; `None` when the table is full.
    pub fn next_key(&self) -> Option<Key> {
        let index = match self.free.last() {
            Some(index) => *index,
            None if self.slots.len() < self.capacity => self.slots.len() as u16,
            None => return None,
        };
        let generation = self.slots.get(usize::from(index)).map_or(NonZeroU16::MIN, |slot| slot.generation);
        Some(Key { index, generation })
    }

    /// Puts the value that `make` builds for its key into a free slot; `None`, and nothing built, when the table
    /// is full.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Option<Key> {
        if let Some(index) = self.free.pop() {
            let slot = self.slots.get_mut(usize::from(index))?;
            let key = Key { index, generation: slot.generation };
            slot.value = Some(make(key));
            return Some(key);
        }
        if self.slots.len() >= self.capacity {
            return None;
        }
        let key = Key { index: self.slots.len() as u16, generation: NonZeroU16::MIN };
        self.slots.push(Slot { generation: key.generation, value: Some(make(key)) });
        Some(key)
    }

    /// The value under `key`, if that occupant is still there.
    pub fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index())?;
        if slot.generation == key.generation { slot.value.as_ref() } else { None }
    }

    /// The value under `key`, to change.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index())?;
        if slot.generation == key.generation { slot.value.as_mut() } else { None }
    }

    /// Takes the value out; its key finds nothing from now on.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index())?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(NonZeroU16::MIN);
        self.free.push(key.index);
        Some(value)
    }

    /// All values with their keys, in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = Key { index: index as u16, generation: slot.generation };
            Some((key, slot.value.as_ref()?))
        })
    }

    /// How many values there can be.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// All values with their keys, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(index, slot)| {
            let key = Key { index: index as u16, generation: slot.generation };
            Some((key, slot.value.as_mut()?))
        })
    }
}

/// A table of values about the occupants of a [`Slots`], under the same keys.
#[derive(Debug)]
pub struct SideTable<T> {
    values: Vec<Option<(Key, T)>>,
    len: usize,
    capacity: usize,
}

impl<T> SideTable<T> {
    /// An empty table for keys of a `Slots` with this capacity.
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.min(Key::MAX_CAPACITY);
        Self { values: Vec::with_capacity(capacity), len: 0, capacity }
    }

    /// Bytes that a table for `capacity` keys takes, without what the values point to.
    pub const fn bytes(capacity: usize) -> usize {
        capacity * size_of::<Option<(Key, T)>>()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One more than the highest index in use so far: the bound for [`SideTable::at`].
    pub fn end(&self) -> usize {
        self.values.len()
    }

    /// Keeps `value` under `key`. False, and nothing changed, if the index is out of the table's capacity or taken.
    pub fn insert(&mut self, key: Key, value: T) -> bool {
        if key.index() >= self.capacity {
            return false;
        }
        while self.values.len() <= key.index() {
            self.values.push(None);
        }
        match self.values.get_mut(key.index()) {
            Some(place @ None) => *place = Some((key, value)),
            _ => return false,
        }
        self.len += 1;
        true
    }

    /// The value under `key`, if there is one.
    pub fn get(&self, key: Key) -> Option<&T> {
        match self.values.get(key.index()) {
            Some(Some((owner, value))) if *owner == key => Some(value),
            _ => None,
        }
    }

    /// The value under `key`, to change.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.values.get_mut(key.index()) {
            Some(Some((owner, value))) if *owner == key => Some(value),
            _ => None,
        }
    }

    /// Takes the value under `key` out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let (_, value) = self.values.get_mut(key.index())?.take()?;
        self.len -= 1;
        Some(value)
    }

    /// The value at an index, whoever owns it: for walks that are done in pieces.
    pub fn at(&self, index: usize) -> Option<(Key, &T)> {
        self.values.get(index)?.as_ref().map(|(key, value)| (*key, value))
    }

    /// All values with their keys, in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.values.iter().flatten().map(|(key, value)| (*key, value))
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.values.iter_mut().flatten().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_only_its_own_occupant() {
        let mut slots = Slots::with_capacity(1);
        let first = slots.insert_with(|_| "first").unwrap();
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert_with(|_| "second").unwrap();
        assert_eq!(first.index(), second.index());
        assert_eq!(slots.get(first), None, "a late event for the first must find nothing");
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&"second"));
    }

    #[test]
    fn a_full_table_builds_nothing_and_never_grows() {
        let mut slots = Slots::with_capacity(3);
        let keys: Vec<_> = (0..3).map(|n| slots.insert_with(|_| n).unwrap()).collect();
        let room = slots.slots.capacity();
        assert!(slots.is_full());
        assert_eq!(slots.insert_with(|_| unreachable!("built for a full table")), None);
        assert_eq!(slots.next_key(), None);
        slots.remove(keys[1]);
        assert_eq!(slots.len(), 2);
        let next = slots.next_key();
        assert_eq!(slots.insert_with(|_| 7), next);
        assert_eq!(slots.slots.capacity(), room);
        assert_eq!(slots.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 7, 2]);
    }

    #[test]
    fn bits_round_trip_and_leave_small_numbers_free() {
        let mut slots = Slots::with_capacity(2);
        slots.insert_with(|_| ()).unwrap();
        let key = slots.insert_with(|_| ()).unwrap();
        assert!(key.to_bits() >= 0x1_0000);
        assert_eq!(Key::from_bits(key.to_bits()), Some(key));
        assert_eq!(Key::from_bits(1), None);
    }

    #[test]
    fn a_generation_comes_round_without_being_zero() {
        let mut slots = Slots::with_capacity(1);
        let first = slots.insert_with(|_| ()).unwrap();
        slots.remove(first);
        for _ in 1..u32::from(u16::MAX) {
            let key = slots.insert_with(|_| ()).unwrap();
            slots.remove(key);
        }
        assert_eq!(slots.insert_with(|_| ()), Some(first));
    }

    #[test]
    fn a_side_table_follows_the_keys() {
        let mut slots = Slots::with_capacity(4);
        let mut side = SideTable::with_capacity(4);
        let a = slots.insert_with(|_| ()).unwrap();
        let b = slots.insert_with(|_| ()).unwrap();
        assert!(side.insert(b, "b"), "out of order is fine");
        assert!(!side.insert(b, "again"), "taken");
        slots.remove(b);
        let c = slots.insert_with(|_| ()).unwrap();
        assert_eq!(side.get(c), None, "same slot, another occupant");
        assert_eq!(side.remove(c), None);
        assert_eq!(side.remove(b), Some("b"));
        assert!(side.insert(a, "a") && side.len() == 1);
        let far = Key { index: 4, generation: NonZeroU16::MIN };
        assert!(!side.insert(far, "outside"));
    }
}
