//! Connection ids: ULIDs, ascending even within a millisecond.

use rand::{Rng, SeedableRng, rngs::StdRng};
use std::fmt;

/// The digits of Crockford's base 32.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many bits of a ULID are random; those above them are milliseconds since 1970.
const RANDOM_BITS: u32 = 80;

/// An id that sorts by the time it was made (the ULID specification): written as 26 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ulid(u128);

impl Ulid {
    fn new(unix_ms: u64, random: u128) -> Self {
        Self(u128::from(unix_ms) << RANDOM_BITS | (random & ((1 << RANDOM_BITS) - 1)))
    }

    fn timestamp_ms(self) -> u64 {
        // The 48 bits that are left fit.
        (self.0 >> RANDOM_BITS) as u64
    }

    /// The next of the same millisecond, if there is one.
    fn increment(self) -> Option<Self> {
        self.0.checked_add(1).map(Self).filter(|next| next.timestamp_ms() == self.timestamp_ms())
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |place: u32| DIGITS.get((self.0 >> (5 * place)) as usize % 32).copied().unwrap_or(b'0');
        (0..26).rev().try_for_each(|place| fmt::Write::write_char(f, char::from(digit(place))))
    }
}

/// Makes ids that sort by the time they were made (the ULID specification, section "Monotonicity").
///
/// Seeded at construction: the same seed and the same times give the same ids.
#[derive(Debug)]
pub(super) struct ConnectionIds {
    random: StdRng,
    last: Ulid,
}

impl ConnectionIds {
    /// A generator; `seed` should be unpredictable outside of tests.
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { random: StdRng::from_seed(seed), last: Ulid::new(0, 0) }
    }

    /// The next id, above all earlier ones. A clock that stands still or runs backwards does not matter: then the last
    /// id is counted up.
    pub(super) fn next(&mut self, unix_ms: u64) -> Ulid {
        let last_ms = self.last.timestamp_ms();
        let next = if unix_ms > last_ms { None } else { self.last.increment() };
        self.last = next.unwrap_or_else(|| {
            // A fresh millisecond, or 80 random bits counted to their end: the next millisecond then.
            let random = u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64());
            Ulid::new(unix_ms.max(last_ms.saturating_add(1)), random)
        });
        self.last
    }

    /// 128 bits that nobody can guess: the generator is ChaCha, and its seed the system's randomness.
    pub(super) fn secret(&mut self) -> [u8; 16] {
        let mut secret = [0; 16];
        self.random.fill_bytes(&mut secret);
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_whatever_the_clock_does() {
        let mut ids = ConnectionIds::new([7; 32]);
        let times = [1_000, 1_000, 1_000, 1_001, 500, 1_001, 2_000, 0];
        let made: Vec<String> = times.iter().map(|ms| ids.next(*ms).to_string()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]), "{made:?}");
        assert!(made.iter().all(|id| id.len() == 26));
    }

    #[test]
    fn an_id_is_written_as_the_specification_says() {
        // The example of the specification: 01AN4Z07BY is 1465824320894 ms, the rest are the 80 random bits.
        assert!(Ulid::new(1_465_824_320_894, 0).to_string().starts_with("01AN4Z07BY"));
        assert_eq!(Ulid::new(0, 0).to_string(), "0".repeat(26));
        assert_eq!(Ulid(u128::MAX).to_string(), format!("7{}", "Z".repeat(25)));
        assert_eq!(Ulid::new(0, 33).to_string(), format!("{}11", "0".repeat(24)));
    }

    #[test]
    fn a_full_millisecond_moves_on_to_the_next() {
        let mut ids = ConnectionIds::new([7; 32]);
        ids.last = Ulid::new(1_000, u128::MAX);
        assert_eq!(ids.next(1_000).timestamp_ms(), 1_001);
    }
}
