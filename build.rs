//! Tells the program when it was built, so that a board whose clock was never set knows a time that it cannot be before.

use std::{env, time::SystemTime};

#[expect(clippy::disallowed_methods, reason = "this is no part of the server")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // https://reproducible-builds.org/specs/source-date-epoch/
    let given = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    println!("cargo:rustc-env=SUZU_BUILD_UNIX={}", given.unwrap_or_else(now));
}
