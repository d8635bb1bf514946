//! How long something took, counted by classes.

use std::time::Duration;

/// The upper end of a class: in nanoseconds, and in seconds as it is written.
pub(super) type Bound = (u64, &'static str);

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000 * MICRO;
const SECOND: u64 = 1_000 * MILLI;

/// All that are in use.
const LADDER: &[Bound] = &[
    (100 * MICRO, "0.0001"),
    (250 * MICRO, "0.00025"),
    (500 * MICRO, "0.0005"),
    (MILLI, "0.001"),
    (2_500 * MICRO, "0.0025"),
    (5 * MILLI, "0.005"),
    (10 * MILLI, "0.01"),
    (25 * MILLI, "0.025"),
    (50 * MILLI, "0.05"),
    (100 * MILLI, "0.1"),
    (250 * MILLI, "0.25"),
    (500 * MILLI, "0.5"),
    (SECOND, "1"),
    (2_500 * MILLI, "2.5"),
    (5 * SECOND, "5"),
    (10 * SECOND, "10"),
];

/// For a turn of the loop: 0.1 ms to 1 s.
pub(super) const TURN: &[Bound] = LADDER.split_at(13).0;

/// For requests, 5 ms to 10 s: the classes that Prometheus' Go library has by default, and so Ayame.
pub(super) const REQUEST: &[Bound] = LADDER.split_at(5).1;

/// Durations in classes.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    bounds: &'static [Bound],
    /// Each class without those below it; the last is for what is above all bounds.
    classes: [u64; TURN.len() + 1],
    count: u64,
    nanos: u64,
}

impl Histogram {
    pub(super) const fn new(bounds: &'static [Bound]) -> Self {
        Self { bounds, classes: [0; TURN.len() + 1], count: 0, nanos: 0 }
    }

    /// Counts the same duration so many times.
    pub(super) fn observe(&mut self, duration: Duration, times: u64) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let class = self.bounds.iter().take_while(|(bound, _)| *bound < nanos).count();
        if let Some(class) = self.classes.get_mut(class) {
            *class += times;
        }
        self.count += times;
        self.nanos = self.nanos.saturating_add(nanos.saturating_mul(times));
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn nanos(&self) -> u64 {
        self.nanos
    }

    /// For each bound how many took no longer.
    pub(super) fn up_to(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let mut sum = 0;
        self.bounds.iter().zip(self.classes).map(move |((_, bound), class)| {
            sum += class;
            (*bound, sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_class_that_it_fits() {
        let mut turns = Histogram::new(TURN);
        for micros in [0, 100, 101, 1_000_000, 1_000_001] {
            turns.observe(Duration::from_micros(micros), 1);
        }
        turns.observe(Duration::from_millis(5), 3);
        let up_to: Vec<_> = turns.up_to().collect();
        assert_eq!(up_to.first(), Some(&("0.0001", 2)));
        assert_eq!(up_to.get(1), Some(&("0.00025", 3)));
        assert_eq!(up_to.get(5), Some(&("0.005", 6)));
        assert_eq!(up_to.last(), Some(&("1", 7)));
        assert_eq!((turns.count(), turns.nanos()), (8, 2_015_202_000));
    }

    #[test]
    fn bounds_rise_and_are_written_as_they_are() {
        for bounds in [TURN, REQUEST] {
            assert!(bounds.is_sorted_by(|a, b| a.0 < b.0));
            for (nanos, text) in bounds {
                assert_eq!(text.parse::<f64>().unwrap(), *nanos as f64 / 1e9);
            }
        }
    }
}
