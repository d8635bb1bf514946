//! What is counted per address: open connections, arrivals and refused credentials, in a table that never grows.
//!
//! An address is an IPv4 address, or the /64 that one IPv6 host can move about in. Each has an entry from its first connection on. When the table
//! is full, a newcomer takes the entry of whoever is harmless (no open connection, no guilt) and has been so for longest. When nobody is,
//! those whose guilt is forgiven by now become harmless. When that is nobody either, the newcomer shares one entry with all others of its
//! kind: a flood of guilty addresses can slow strangers down, but it cannot make the table forget anyone.
//!
//! Nothing that comes in costs more than a walk through one chain of the hash table, whose hash nobody outside can predict; the walk through
//! the whole table that looks for the forgiven is made only when there is somebody to be found.

mod counts;

use crate::signaling::Mono;
use counts::{Counts, Network};
pub use counts::{Limits, TooMany};
use std::{net::IpAddr, time::Duration};

/// The most entries that a table can have.
pub const ENTRIES_MAX: usize = NONE as usize;

/// No entry.
const NONE: u16 = u16::MAX;
/// Later than anything.
const NEVER: Mono = Mono::from_millis(u64::MAX);

/// Where an open connection is counted. It cannot be copied: one arrival, one departure.
#[derive(Debug, PartialEq, Eq)]
pub struct Place(u16);

impl Place {
    /// Whether it is counted together with strangers, because the table is full.
    pub fn is_shared(&self) -> bool {
        self.0 == NONE
    }
}

/// The table.
#[derive(Debug)]
pub struct Addresses {
    limits: Limits,
    /// Two random numbers that make the hash unpredictable.
    seed: [u128; 2],
    /// The first entry of each chain; a power of two of them.
    heads: Vec<u16>,
    entries: Vec<Entry>,
    /// Who has no open connection and no guilt, longest first.
    harmless: List,
    /// Who has no open connection, and had guilt when the last one closed.
    guilty: List,
    /// Nobody in `guilty` is forgiven before this.
    forgiven_from: Mono,
    /// For those who find no entry.
    shared: Counts,
}

#[derive(Debug)]
struct Entry {
    network: Network,
    counts: Counts,
    /// The next in the chain of the same hash.
    chain: u16,
    /// The neighbours in the list in which it is, if it is in one.
    before: u16,
    after: u16,
    list: In,
}

/// Which list an entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Neither,
    Harmless,
    Guilty,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u16,
    last: u16,
}

impl Addresses {
    /// An empty table; all its memory is taken here. `seed` must be unpredictable outside of tests.
    pub fn new(limits: Limits, seed: [u64; 4]) -> Self {
        let entries = limits.entries.min(ENTRIES_MAX);
        let [a, b, c, d] = seed.map(u128::from);
        Self {
            limits: Limits { entries, ..limits },
            seed: [a << 64 | b | 1, c << 64 | d],
            heads: vec![NONE; heads(entries)],
            entries: Vec::with_capacity(entries),
            harmless: List::EMPTY,
            guilty: List::EMPTY,
            forgiven_from: NEVER,
            shared: Counts::new(limits.arrivals, Mono::START),
        }
    }

    /// Others from now on; how many entries there are stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = Limits { entries: self.limits.entries, ..limits };
    }

    /// The most memory, in bytes, that a table with these limits takes, which is what it takes from the start.
    pub fn bytes_max(limits: &Limits) -> usize {
        let entries = limits.entries.min(ENTRIES_MAX);
        entries * size_of::<Entry>() + heads(entries) * size_of::<u16>()
    }

    /// How many addresses are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no address is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts a new connection. Its [`Place`] must be given back to [`Addresses::leave`] when it ends.
    ///
    /// # Errors
    /// Why it cannot be taken in. Then nothing is counted.
    pub fn arrive(&mut self, address: IpAddr, now: Mono) -> Result<Place, TooMany> {
        let network = Network::from(address);
        let index = self.find(network).or_else(|| self.make(network, now)).unwrap_or(NONE);
        let limits = self.limits;
        let arrived = self.counts_mut(index).arrive(&limits, now);
        match arrived {
            Ok(()) => {
                self.unlist(index);
                Ok(Place(index))
            }
            Err(why) => {
                if self.counts(index).open == 0 {
                    self.enlist(index, now);
                }
                Err(why)
            }
        }
    }

    /// A connection has ended.
    pub fn leave(&mut self, place: Place, now: Mono) {
        let counts = self.counts_mut(place.0);
        counts.open = counts.open.saturating_sub(1);
        if counts.open == 0 {
            self.enlist(place.0, now);
        }
    }

    /// Counts a refused credential and says how long to hold the answer back.
    pub fn refuse(&mut self, place: &Place, now: Mono) -> Duration {
        self.counts_mut(place.0).refuse(now)
    }

    /// How long until another credential from this address should be looked at; zero: at once. Without this a guesser need not wait for the
    /// answers, since a good guess is answered at once.
    pub fn penalty(&self, place: &Place, now: Mono) -> Duration {
        self.counts(place.0).penalty(now)
    }

    fn counts(&self, index: u16) -> &Counts {
        self.entries.get(usize::from(index)).map_or(&self.shared, |entry| &entry.counts)
    }

    fn counts_mut(&mut self, index: u16) -> &mut Counts {
        match self.entries.get_mut(usize::from(index)) {
            Some(entry) => &mut entry.counts,
            None => &mut self.shared,
        }
    }

    /// An entry for somebody unknown, in no list; `None` if none can be had.
    fn make(&mut self, network: Network, now: Mono) -> Option<u16> {
        let counts = Counts::new(self.limits.arrivals, now);
        let head = self.head(network);
        let fresh = |chain| Entry { network, counts, chain, before: NONE, after: NONE, list: In::Neither };
        if self.entries.len() < self.limits.entries {
            let index = self.entries.len() as u16;
            let chain = std::mem::replace(self.heads.get_mut(head)?, index);
            self.entries.push(fresh(chain));
            return Some(index);
        }
        if self.harmless.first == NONE {
            self.forgive(now);
        }
        let index = self.harmless.first;
        self.unchain(index)?;
        self.unlist(index);
        let chain = std::mem::replace(self.heads.get_mut(head)?, index);
        *self.entries.get_mut(usize::from(index))? = fresh(chain);
        Some(index)
    }

    /// Makes those harmless whose guilt is forgiven.
    fn forgive(&mut self, now: Mono) {
        if now < self.forgiven_from {
            return;
        }
        self.forgiven_from = NEVER;
        let mut index = self.guilty.first;
        while let Some(entry) = self.entries.get(usize::from(index)) {
            let (next, forgiven_from) = (entry.after, entry.counts.forgiven_from());
            if forgiven_from <= now {
                self.enlist(index, now);
            } else {
                self.forgiven_from = self.forgiven_from.min(forgiven_from);
            }
            index = next;
        }
    }

    /// Puts an entry without open connections at the end of the list where it belongs.
    fn enlist(&mut self, index: u16, now: Mono) {
        self.unlist(index);
        let Some(entry) = self.entries.get_mut(usize::from(index)) else { return };
        let forgiven_from = entry.counts.forgiven_from();
        let list = if forgiven_from <= now {
            entry.counts.forgive();
            entry.list = In::Harmless;
            &mut self.harmless
        } else {
            self.forgiven_from = self.forgiven_from.min(forgiven_from);
            entry.list = In::Guilty;
            &mut self.guilty
        };
        entry.before = std::mem::replace(&mut list.last, index);
        entry.after = NONE;
        let before = entry.before;
        match self.entries.get_mut(usize::from(before)) {
            Some(before) => before.after = index,
            None => list.first = index,
        }
    }

    /// Takes an entry out of the list in which it is, if it is in one.
    fn unlist(&mut self, index: u16) {
        let Some(entry) = self.entries.get_mut(usize::from(index)) else { return };
        let list = match std::mem::replace(&mut entry.list, In::Neither) {
            In::Neither => return,
            In::Harmless => &mut self.harmless,
            In::Guilty => &mut self.guilty,
        };
        let (before, after) = (entry.before, entry.after);
        match self.entries.get_mut(usize::from(before)) {
            Some(before) => before.after = after,
            None => list.first = after,
        }
        match self.entries.get_mut(usize::from(after)) {
            Some(after) => after.before = before,
            None => list.last = before,
        }
    }

    fn find(&self, network: Network) -> Option<u16> {
        let mut index = *self.heads.get(self.head(network))?;
        while let Some(entry) = self.entries.get(usize::from(index)) {
            if entry.network == network {
                return Some(index);
            }
            index = entry.chain;
        }
        None
    }

    /// Takes an entry out of its chain.
    fn unchain(&mut self, index: u16) -> Option<()> {
        let entry = self.entries.get(usize::from(index))?;
        let after = entry.chain;
        let head = self.head(entry.network);
        let first = self.heads.get_mut(head)?;
        if *first == index {
            *first = after;
            return Some(());
        }
        let mut link = *first;
        loop {
            let before = self.entries.get_mut(usize::from(link))?;
            if before.chain == index {
                before.chain = after;
                return Some(());
            }
            link = before.chain;
        }
    }

    /// Where the chain of an address begins: multiply-add-shift, which is strongly universal for 64-bit keys in 128-bit arithmetic (Dietzfelbinger
    /// 1996), so that without the seed no set of addresses is worse than any other.
    fn head(&self, network: Network) -> usize {
        let [multiplier, addend] = self.seed;
        let hash = multiplier.wrapping_mul(u128::from(network.0)).wrapping_add(addend);
        // The topmost bits. There are at least two heads.
        (hash >> (128 - self.heads.len().trailing_zeros())) as usize
    }
}

impl List {
    const EMPTY: Self = Self { first: NONE, last: NONE };
}

/// How many chains: at least two, so that their number has a bit.
fn heads(entries: usize) -> usize {
    entries.max(2).next_power_of_two()
}

#[cfg(test)]
mod tests;
