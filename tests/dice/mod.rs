//! Where a simulation's choices come from: a seed, or bytes that a fuzzer has made up.

#![allow(dead_code, reason = "each test binary uses its part")]

use rand::{SeedableRng, TryRng, rngs::StdRng};
use std::{array, convert::Infallible};

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
