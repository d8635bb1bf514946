//! What the machine under a server can do to it: clients that vanish without a word, clocks that jump, a process that is stopped, disks that
//! are full, webhooks that are down, certificates that become garbage. Calls go on wherever they can. (Memory that is used up is in
//! tests/ceiling.rs.) Once is enough, with all features.
#![cfg(feature = "tls")]
#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod certificates;
mod clock;
#[path = "../common/mod.rs"]
mod common;
mod disk;
mod half_open;
mod pause;
mod webhook;
#[path = "../webhook_rig/mod.rs"]
mod webhook_rig;
