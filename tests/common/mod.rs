//! What the tests share: a real server to talk to, a client that speaks raw frames, and transcripts.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::disallowed_methods, reason = "the deadlines of tests are read from the clock")]
#![allow(unreachable_pub, reason = "a module of many binaries")]

pub mod access;
pub mod channel;
pub mod frame;
pub mod hub_stage;
pub mod link;
pub mod machine;
pub mod neighbours;
pub mod netns;
pub mod node;
#[cfg(feature = "tls")]
pub mod openssl;
pub mod real_stage;
pub mod scene;
pub mod scrape;
pub mod server;
pub mod start;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transcript;
pub mod unix;
pub mod wire;

use std::io::Write;

/// Says something that `cargo test` shows even when the test passes: it captures only what the print macros write.
pub fn announce(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says loudly that a test did not run for want of a tool; under CI=true that is a failure.
pub fn skip(needs: &str) {
    announce(&format!("skipped: needs {needs}"));
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI must not skip: needs {needs}");
}
