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
use dice::{SEEDS, all_seeds};
use std::collections::BTreeSet;

const STEPS: usize = 400;

#[test]
fn a_crowd_never_breaks_the_rules() {
    let Some(seen) = all_seeds("simulation", simulate) else { return };
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
