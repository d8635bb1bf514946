//! Token buckets: so much at once, so much a second.

use super::Mono;
use std::time::Duration;

/// What a [`Bucket`] allows. It is an argument rather than part of each bucket, since many have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// As much as may come at once, in whatever is counted. More than this at once never passes.
    pub burst: u32,
    /// As much as may come a second in the long run; zero: the burst is all there ever is.
    pub per_second: u32,
}

/// How much may still come: 16 bytes, whole numbers, no rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Thousandths: each millisecond adds `per_second` of them.
    level: u64,
    /// When it was so.
    at: Mono,
}

impl Bucket {
    /// A full bucket.
    pub fn full(rate: Rate, now: Mono) -> Self {
        Self { level: thousandths(rate.burst), at: now }
    }

    /// Takes `n` out if there is so much in it. False, and nothing taken, if not.
    pub fn take(&mut self, n: u32, rate: Rate, now: Mono) -> bool {
        self.level = self.level_at(rate, now);
        self.at = self.at.max(now);
        match self.level.checked_sub(thousandths(n)) {
            Some(left) => {
                self.level = left;
                true
            }
            None => false,
        }
    }

    /// How long until `n` can be taken: zero if it can be now, [`Duration::MAX`] if it never can.
    pub fn wait(&self, n: u32, rate: Rate, now: Mono) -> Duration {
        let missing = thousandths(n).saturating_sub(self.level_at(rate, now));
        if missing == 0 {
            return Duration::ZERO;
        }
        if n > rate.burst || rate.per_second == 0 {
            return Duration::MAX;
        }
        Duration::from_millis(missing.div_ceil(u64::from(rate.per_second)))
    }

    fn level_at(&self, rate: Rate, now: Mono) -> u64 {
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let added = millis.saturating_mul(u64::from(rate.per_second));
        self.level.saturating_add(added).min(thousandths(rate.burst))
    }
}

fn thousandths(n: u32) -> u64 {
    u64::from(n) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 5, per_second: 3 };

    fn at(millis: u64) -> Mono {
        Mono::from_millis(1_000 + millis)
    }

    #[test]
    fn a_burst_passes_and_then_a_trickle() {
        let mut bucket = Bucket::full(RATE, at(0));
        let taken = (0..8).filter(|_| bucket.take(1, RATE, at(0))).count();
        assert_eq!(taken, 5);
        for (millis, expected) in [
            (333, false),
            (334, true),
            (334, false),
            (666, false),
            (667, true),
            (1_000, true),
            (1_000, false),
        ] {
            assert_eq!(bucket.take(1, RATE, at(millis)), expected, "after {millis} ms");
        }
    }

    #[test]
    fn nothing_is_lost_to_rounding() {
        for per_second in [1, 3, 7, 333, 999, 1_001, 65_537] {
            let rate = Rate { burst: per_second, per_second };
            let mut bucket = Bucket::full(rate, at(0));
            assert!(bucket.take(per_second, rate, at(0)));
            // Asked each millisecond for 20 seconds, it gives exactly what flowed in.
            let given: u64 = (1..=20_000u64)
                .map(|millis| (0..).take_while(|_| bucket.take(1, rate, at(millis))).count() as u64)
                .sum();
            assert_eq!(given, 20 * u64::from(per_second));
        }
    }

    #[test]
    fn what_does_not_pass_takes_nothing() {
        let mut bucket = Bucket::full(RATE, at(0));
        assert!(!bucket.take(6, RATE, at(0)), "more than the burst never passes");
        assert!(bucket.take(5, RATE, at(0)) && bucket.take(0, RATE, at(0)));
        assert!(!bucket.take(1, RATE, at(0)));
    }

    #[test]
    fn it_never_holds_more_than_the_burst_and_outlives_any_clock() {
        let mut bucket = Bucket::full(RATE, at(0));
        let end = Mono::from_millis(u64::MAX);
        assert!(!bucket.take(6, RATE, end) && bucket.take(5, RATE, end) && !bucket.take(1, RATE, end));
        assert!(!bucket.take(1, RATE, at(0)), "an earlier time adds nothing");
        let huge = Rate { burst: u32::MAX, per_second: u32::MAX };
        let mut bucket = Bucket::full(huge, at(0));
        assert!(bucket.take(u32::MAX, huge, at(0)) && !bucket.take(1, huge, at(0)));
        assert!(bucket.take(u32::MAX, huge, at(1_000)));
    }

    #[test]
    fn the_wait_is_exact() {
        let mut bucket = Bucket::full(RATE, at(0));
        assert_eq!(bucket.wait(5, RATE, at(0)), Duration::ZERO);
        assert!(bucket.take(5, RATE, at(0)));
        let wait = bucket.wait(1, RATE, at(0));
        assert_eq!(wait, Duration::from_millis(334));
        assert!(!bucket.take(1, RATE, at(333)) && bucket.take(1, RATE, at(0).after(wait)));
        assert_eq!(bucket.wait(6, RATE, at(0)), Duration::MAX);
        assert_eq!(bucket.wait(5, Rate { per_second: 0, ..RATE }, at(400)), Duration::MAX);
    }

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Bucket>(), 16);
    }
}
