//! Connection ids: ULIDs, ascending even within a millisecond.

use rand::{Rng, SeedableRng, rngs::StdRng};
use ulid::Ulid;

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
        Self { random: StdRng::from_seed(seed), last: Ulid::nil() }
    }

    /// The next id, above all earlier ones. A clock that stands still or runs backwards does not matter: then the last
    /// id is counted up.
    pub(super) fn next(&mut self, unix_ms: u64) -> Ulid {
        let last_ms = self.last.timestamp_ms();
        let next = if unix_ms > last_ms { None } else { self.last.increment().ok() };
        self.last = next.unwrap_or_else(|| {
            // A fresh millisecond, or 80 random bits counted to their end: the next millisecond then.
            let random = u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64());
            Ulid::from_parts(unix_ms.max(last_ms.saturating_add(1)), random)
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
        assert_eq!(Ulid::from_string(&made[3]).unwrap().timestamp_ms(), 1_001);
    }

    #[test]
    fn a_full_millisecond_moves_on_to_the_next() {
        let mut ids = ConnectionIds::new([7; 32]);
        ids.last = Ulid::from_parts(1_000, u128::MAX);
        assert_eq!(ids.next(1_000).timestamp_ms(), 1_001);
    }
}
