//! What the pure core costs, alone: `cargo bench --bench hub`.
//!
//! A hub with up to 10,000 clients is handed inputs, and what follows is drained as the server would. docs/performance.md says how to read
//! it; `benches/instructions` counts what a whole conversation takes, and does so exactly.

mod arrivals;
mod crowd;
mod guest;
mod messages;
mod speech;
mod stage;
mod timers;

fn main() {
    divan::main();
}
