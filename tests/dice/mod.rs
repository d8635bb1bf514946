//! Where a simulation's choices come from: a seed, or bytes that a fuzzer has made up.

#![allow(dead_code, reason = "each test binary uses its part")]

use rand::{SeedableRng, TryRng, rngs::StdRng};
use std::{
    array,
    collections::BTreeSet,
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// As many seeds as `cargo test` plays.
pub(crate) const SEEDS: u64 = 256;

/// As many bytes as most operations have choices.
pub(crate) const CHOICES: usize = 8;

/// A source of choices.
pub(crate) enum Dice {
    Seeded(Box<StdRng>),
    /// One byte for each choice; afterwards it is always the first that is there.
    Given(array::IntoIter<u8, CHOICES>),
}

impl Dice {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::Seeded(Box::new(StdRng::seed_from_u64(seed)))
    }

    pub(crate) fn given(choices: [u8; CHOICES]) -> Self {
        Self::Given(choices.into_iter())
    }
}

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match self {
            Self::Seeded(random) => random.try_next_u32(),
            // A choice is made by the upper bits, so that a larger byte is a later one.
            Self::Given(choices) => Ok(u32::from_ne_bytes([choices.next().unwrap_or_default(); 4])),
        }
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self {
            Self::Seeded(random) => random.try_next_u64(),
            Self::Given(choices) => Ok(u64::from_ne_bytes([choices.next().unwrap_or_default(); 8])),
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Seeded(random) => random.try_fill_bytes(bytes),
            Self::Given(choices) => {
                bytes.fill_with(|| choices.next().unwrap_or_default());
                Ok(())
            }
        }
    }
}

/// What happened in all seeds together, or in the one that `SUZU_SIM_SEED` names: then there is `None` to be judged. A seed that fails is named.
pub(crate) fn all_seeds<T: Ord>(test: &str, simulate: impl Fn(u64) -> BTreeSet<T>) -> Option<BTreeSet<T>> {
    if let Ok(seed) = std::env::var("SUZU_SIM_SEED") {
        simulate(seed.parse().expect("SUZU_SIM_SEED is a number"));
        return None;
    }
    let played = |seed| match catch_unwind(AssertUnwindSafe(|| simulate(seed))) {
        Ok(happened) => happened,
        Err(_) => panic!("seed {seed} failed: SUZU_SIM_SEED={seed} cargo test --test {test} replays it"),
    };
    Some((0..SEEDS).flat_map(played).collect())
}
