//! The table of addresses under floods, and against a model that is as simple as can be.

use super::*;
use crate::signaling::rate::Rate;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

const SEED: [u64; 4] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 7];
const START: Mono = Mono::from_millis(5_000);
const MEMORY: Duration = Duration::from_secs(300);

fn limits(entries: usize) -> Limits {
    Limits { entries, connections_max: 4, arrivals: Rate { burst: 8, per_second: 2 } }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The `n`th of many addresses.
fn nth(n: u32) -> IpAddr {
    IpAddr::from((0x0b00_0000 + n).to_be_bytes())
}

/// Comes, is refused a credential this often, and goes.
fn visit(table: &mut Addresses, who: IpAddr, refusals: usize, now: Mono) -> Place {
    let place = table.arrive(who, now).unwrap();
    for _ in 0..refusals {
        table.refuse(&place, now);
    }
    let copy = Place(place.0);
    table.leave(place, now);
    copy
}

impl Addresses {
    fn knows(&self, who: IpAddr) -> bool {
        self.find(Network::from(who)).is_some()
    }

    /// What an entry's list must be, each chain and list must lead where it should, and nothing may have grown.
    fn check(&self, now: Mono) {
        let mut listed = vec![In::Neither; self.entries.len()];
        for (list, name) in [(self.harmless, In::Harmless), (self.guilty, In::Guilty)] {
            let (mut before, mut index) = (NONE, list.first);
            while index != NONE {
                let entry = &self.entries[usize::from(index)];
                assert_eq!((entry.list, entry.before), (name, before));
                listed[usize::from(index)] = name;
                (before, index) = (index, entry.after);
            }
            assert_eq!(list.last, before);
        }
        for (index, entry) in self.entries.iter().enumerate() {
            assert_eq!(entry.list, listed[index], "in no list but its own");
            assert_eq!(entry.list == In::Neither, entry.counts.open > 0);
            assert_eq!(self.find(entry.network), Some(index as u16));
            let forgiven_from = entry.counts.forgiven_from();
            match entry.list {
                In::Harmless => assert!(forgiven_from <= now),
                In::Guilty => assert!(self.forgiven_from <= forgiven_from),
                In::Neither => {}
            }
        }
        assert!(self.entries.len() <= self.limits.entries);
        let bytes = self.entries.capacity() * size_of::<Entry>() + self.heads.capacity() * size_of::<u16>();
        assert_eq!(bytes, Addresses::bytes_max(&self.limits));
    }
}

#[test]
fn a_flood_of_addresses_forgets_the_harmless_and_never_the_guilty() {
    let mut table = Addresses::new(limits(64), SEED);
    let guilty = address("192.168.1.66");
    visit(&mut table, guilty, 5, START);
    let guest = address("fd00::1");
    let place = table.arrive(guest, START).unwrap();
    for n in 0..20_000 {
        visit(&mut table, nth(n), 0, START);
    }
    table.check(START);
    assert!(table.knows(guilty) && table.knows(guest));
    assert!((19_938..20_000).all(|n| table.knows(nth(n))), "the oldest go first");
    assert!(!table.knows(nth(19_937)));
    assert_eq!(table.len(), 64);
    let again = table.arrive(guilty, START).unwrap();
    assert_eq!(table.refuse(&again, START), Duration::from_secs(1), "the sixth refusal");
    table.leave(place, START);
    table.check(START);
}

#[test]
fn where_nobody_can_be_forgotten_strangers_share_one_entry() {
    let mut table = Addresses::new(limits(16), SEED);
    for n in 0..16 {
        visit(&mut table, nth(n), 1, START);
    }
    let strangers: Vec<Place> = (100..104).map(|n| table.arrive(nth(n), START).unwrap()).collect();
    assert!(strangers.iter().all(Place::is_shared));
    assert_eq!(table.arrive(nth(104), START), Err(TooMany::Connections), "all strangers are one address");
    assert!(
        table.arrive(nth(3), START).is_ok_and(|place| !place.is_shared()),
        "who is known is not a stranger"
    );
    for (n, expected) in [(0, 0), (1, 0), (2, 0), (3, 250)] {
        assert_eq!(table.refuse(&strangers[n], START).as_millis(), expected);
    }
    assert_eq!(table.penalty(&strangers[0], START).as_millis(), 250);
    for place in strangers {
        table.leave(place, START);
    }
    assert!(table.arrive(nth(105), START).is_ok(), "there is room among the strangers again");
    table.check(START);
}

#[test]
fn guilt_is_forgiven_with_time_and_makes_room() {
    let mut table = Addresses::new(limits(8), SEED);
    for n in 0..8 {
        visit(&mut table, nth(n), 4, START.after(Duration::from_secs(n.into())));
    }
    let nearly = Mono::from_millis(START.after(MEMORY).as_millis() - 1);
    assert!(visit(&mut table, nth(99), 0, nearly).is_shared());
    let now = START.after(MEMORY + Duration::from_secs(2));
    let place = visit(&mut table, nth(99), 0, now);
    assert!(!place.is_shared());
    table.check(now);
    let known: Vec<bool> = (0..8).map(|n| table.knows(nth(n))).collect();
    assert_eq!(known, [false, true, true, true, true, true, true, true], "the oldest of the forgiven goes");
    let again = table.arrive(nth(2), now).unwrap();
    assert_eq!(table.refuse(&again, now), Duration::ZERO, "its guilt is forgotten");
}

#[test]
fn who_has_an_open_connection_is_never_forgotten() {
    let mut table = Addresses::new(limits(8), SEED);
    let places: Vec<Place> = (0..8).map(|n| table.arrive(nth(n), START).unwrap()).collect();
    assert!(table.arrive(nth(8), START).unwrap().is_shared());
    assert!((0..8).all(|n| table.knows(nth(n))));
    for place in places.into_iter().rev() {
        table.leave(place, START);
    }
    visit(&mut table, nth(9), 0, START);
    assert!(!table.knows(nth(7)) && table.knows(nth(0)), "harmless since longest, not known for longest");
    table.check(START);
}

#[test]
fn arrivals_are_limited_per_second_and_address() {
    let mut table = Addresses::new(limits(8), SEED);
    for _ in 0..8 {
        visit(&mut table, address("2001:db8::1"), 0, START);
    }
    assert_eq!(table.arrive(address("2001:db8::2"), START), Err(TooMany::Arrivals), "the same /64");
    assert!(table.arrive(address("2001:db8:0:1::1"), START).is_ok());
    assert!(table.arrive(address("2001:db8::2"), START.after(Duration::from_millis(500))).is_ok());
    table.check(START);
}

#[test]
fn addresses_in_a_row_make_no_long_chains() {
    for (name, step) in [("neighbours", 1), ("a /24 each", 1 << 8), ("a /16 each", 1 << 16)] {
        let mut table = Addresses::new(limits(256), SEED);
        for n in 0..256u32 {
            visit(&mut table, IpAddr::from(n.wrapping_mul(step).to_be_bytes()), 0, START);
        }
        let length = |head: &u16| {
            let next = |index: &u16| table.entries.get(usize::from(*index)).map(|entry| entry.chain);
            std::iter::successors(Some(*head), next).count() - 1
        };
        let longest = table.heads.iter().map(length).max().unwrap();
        assert!(longest <= 8, "{name}: {longest} of 256 in one chain");
    }
}

#[test]
fn the_smallest_and_largest_tables_work() {
    for entries in [0, 1, 2, 3, ENTRIES_MAX, usize::MAX] {
        let mut table = Addresses::new(limits(entries), SEED);
        let places: Vec<Place> = (0..3).map(|n| table.arrive(nth(n), START).unwrap()).collect();
        let shared = places.iter().filter(|place| place.is_shared()).count();
        assert_eq!(shared, 3usize.saturating_sub(entries));
        for place in places {
            table.leave(place, START);
        }
        table.check(START);
    }
    assert_eq!(size_of::<Entry>(), 48);
    assert_eq!(Addresses::bytes_max(&limits(1_024)), 50 << 10);
}

/// The same rules without any cleverness: the order of a list is the order of `since`.
struct Model {
    limits: Limits,
    known: Vec<Known>,
    shared: Counts,
    clock: u64,
}

struct Known {
    network: Network,
    counts: Counts,
    list: In,
    since: u64,
}

impl Model {
    fn position(&self, network: Network) -> Option<usize> {
        self.known.iter().position(|known| known.network == network)
    }

    fn oldest_harmless(&self) -> Option<usize> {
        let harmless = |n: &usize| self.known[*n].list == In::Harmless;
        (0..self.known.len()).filter(harmless).min_by_key(|n| self.known[*n].since)
    }

    fn idle(&mut self, at: usize, now: Mono) {
        self.clock += 1;
        let known = &mut self.known[at];
        known.since = self.clock;
        known.list = if known.counts.forgiven_from() <= now { In::Harmless } else { In::Guilty };
    }

    /// The network whose entry counts, or `None` for the shared one.
    fn arrive(&mut self, network: Network, now: Mono) -> Result<Option<Network>, TooMany> {
        let fresh =
            Known { network, counts: Counts::new(self.limits.arrivals, now), list: In::Neither, since: 0 };
        let at = match self.position(network) {
            Some(at) => Some(at),
            None => {
                if self.known.len() == self.limits.entries {
                    if self.oldest_harmless().is_none() {
                        let mut guilty: Vec<usize> =
                            (0..self.known.len()).filter(|n| self.known[*n].list == In::Guilty).collect();
                        guilty.retain(|n| self.known[*n].counts.forgiven_from() <= now);
                        guilty.sort_by_key(|n| self.known[*n].since);
                        guilty.into_iter().for_each(|n| self.idle(n, now));
                    }
                    if let Some(oldest) = self.oldest_harmless() {
                        self.known.remove(oldest);
                    }
                }
                if self.known.len() < self.limits.entries {
                    self.known.push(fresh);
                    Some(self.known.len() - 1)
                } else {
                    None
                }
            }
        };
        let Some(at) = at else { return self.shared.arrive(&self.limits, now).map(|()| None) };
        let arrived = self.known[at].counts.arrive(&self.limits, now);
        if self.known[at].counts.open == 0 {
            self.idle(at, now);
        } else {
            self.known[at].list = In::Neither;
        }
        arrived.map(|()| Some(network))
    }

    fn counts(&mut self, place: Option<Network>) -> &mut Counts {
        match place.and_then(|network| self.position(network)) {
            Some(at) => &mut self.known[at].counts,
            None => &mut self.shared,
        }
    }

    fn leave(&mut self, place: Option<Network>, now: Mono) {
        self.counts(place).open -= 1;
        if let Some(at) = place.and_then(|network| self.position(network))
            && self.known[at].counts.open == 0
        {
            self.idle(at, now);
        }
    }
}

#[test]
fn a_long_life_goes_as_in_the_model() {
    for seed in 0..24u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let limits = limits(random.random_range(1..24));
        let mut table = Addresses::new(limits, SEED.map(|_| random.next_u64()));
        let mut model =
            Model { limits, known: Vec::new(), shared: Counts::new(limits.arrivals, Mono::START), clock: 0 };
        let mut open: Vec<(Place, Option<Network>)> = Vec::new();
        let mut now = START;
        // Calm times, crowds, and long silences in which much is forgiven.
        let population = random.random_range(4..64u32);
        for step in 0..4_000 {
            let what = format!("seed {seed}, step {step}");
            match random.random_range(0..100) {
                0..45 => {
                    let who = nth(random.random_range(0..population));
                    let (ours, theirs) = (table.arrive(who, now), model.arrive(who.into(), now));
                    assert_eq!(ours.as_ref().err(), theirs.as_ref().err(), "{what}");
                    if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                        assert_eq!(ours.is_shared(), theirs.is_none(), "{what}");
                        open.push((ours, theirs));
                    }
                }
                45..80 if !open.is_empty() => {
                    let (ours, theirs) = open.swap_remove(random.random_range(0..open.len()));
                    table.leave(ours, now);
                    model.leave(theirs, now);
                }
                80..92 if !open.is_empty() => {
                    let (ours, theirs) = &open[random.random_range(0..open.len())];
                    assert_eq!(table.refuse(ours, now), model.counts(*theirs).refuse(now), "{what}");
                    assert_eq!(table.penalty(ours, now), model.counts(*theirs).penalty(now), "{what}");
                }
                99 => now = now.after(Duration::from_secs(random.random_range(0..400))),
                _ => now = now.after(Duration::from_millis(random.random_range(0..2_000))),
            }
            table.check(now);
            let mut known: Vec<u64> = model.known.iter().map(|known| known.network.0).collect();
            let mut ours: Vec<u64> = table.entries.iter().map(|entry| entry.network.0).collect();
            known.sort_unstable();
            ours.sort_unstable();
            assert_eq!(ours, known, "{what}");
        }
    }
}
