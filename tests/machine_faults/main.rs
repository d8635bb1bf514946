//! What the machine under a server can do to it: clients that vanish without a word, clocks that jump, a process that is stopped, memory and
//! disks that are used up, webhooks that are down, certificates that become garbage. Calls go on wherever they can.

#[path = "../common/mod.rs"]
mod common;
mod half_open;
mod neighbours;
mod pause;
