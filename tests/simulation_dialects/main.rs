//! One hub under a seeded crowd of all dialects at once (`crowd`).
//!
//! 256 seeds run in `cargo test`. A seed that fails is printed; `SUZU_SIM_SEED=n cargo test --test simulation_dialects` replays it.

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

/// What must have happened at least once in all seeds together: a crowd in which it never does shows little.
const MUST_HAPPEN: &[&str] = &[
    "ayame: accept",
    "ayame: relay",
    "ayame: reject",
    "chat: to several",
    "closed: binary message",
    "closed: evicted",
    "closed: left",
    "closed: no pong in time",
    "closed: no register in time",
    "closed: silent too long",
    "echo",
    "mailbox: candidate stored",
    "mailbox: candidate to somebody",
    "mailbox: candidates joined",
    "mailbox: error",
    "mailbox: not the offerer",
    "mailbox: offer made",
    "mailbox: offer that was waited for",
    "mailbox: offerer gone",
    "mailbox: stored too much",
    "mailbox: no-room-left",
    "mailbox: room-full",
    "mesh: already connected",
    "mesh: back after the end",
    "mesh: back with a queue",
    "mesh: back with nothing missed",
    "mesh: error",
    "mesh: fresh",
    "mesh: id taken",
    "mesh: left",
    "mesh: lost",
    "mesh: message to all",
    "mesh: message to one",
    "mesh: message to one who is away",
    "mesh: no-room-left",
    "mesh: queue full",
    "mesh: queue full of news",
    "mesh: room-full",
    "mesh: secret of another seat",
    "mesh: takes over an open socket",
    "mesh: unknown peer",
    "mesh: wrong from",
    "mesh: wrong secret",
    "chat: no-room-left",
    "chat: room-full",
    "relay: to nobody",
    "relay: to several",
];

#[test]
fn all_dialects_at_once_keep_to_themselves() {
    let Some(seen) = all_seeds("simulation_dialects", simulate) else { return };
    let missing: Vec<_> = MUST_HAPPEN.iter().filter(|what| !seen.contains(**what)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    common::announce(&format!("simulation of all dialects: {SEEDS} seeds of {STEPS} steps passed"));
}

/// Plays one seed; returns what happened.
fn simulate(seed: u64) -> BTreeSet<String> {
    let mut crowd = Crowd::seeded(seed);
    for _ in 0..STEPS {
        crowd.step();
    }
    crowd.all_fall_silent();
    crowd.seen
}
