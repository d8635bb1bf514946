//! The hub under a seeded crowd of Ayame clients (`crowd`).
//!
//! 256 seeds run in `cargo test`. A seed that fails is printed; `SUZU_SIM_SEED=n cargo test --test simulation` replays it.

#[path = "../common/mod.rs"]
mod common;
#[path = "crowd.rs"]
mod crowd;
#[path = "../dice/mod.rs"]
mod dice;

use crowd::Crowd;
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

const SEEDS: u64 = 256;
const STEPS: usize = 400;

#[test]
fn a_crowd_never_breaks_the_rules() {
    if let Ok(seed) = std::env::var("SUZU_SIM_SEED") {
        simulate(seed.parse().expect("SUZU_SIM_SEED is a number"));
        return;
    }
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        match catch_unwind(AssertUnwindSafe(|| simulate(seed))) {
            Ok(happened) => seen.extend(happened),
            Err(_) => {
                panic!("seed {seed} failed: SUZU_SIM_SEED={seed} cargo test --test simulation replays it")
            }
        }
    }
    for label in [
        "evicted",
        "room ended",
        "rejected",
        "left",
        "no pong in time",
        "silent too long",
        "no register in time",
    ] {
        assert!(seen.contains(label), "a crowd in which nobody is ever {label:?} shows little: {seen:?}");
    }
    common::announce(&format!("simulation: {SEEDS} seeds of {STEPS} steps passed"));
}

/// Plays one seed; returns how sessions ended.
fn simulate(seed: u64) -> BTreeSet<&'static str> {
    let mut crowd = Crowd::seeded(seed);
    for _ in 0..STEPS {
        crowd.step();
    }
    crowd.all_fall_silent();
    crowd.ends
}
