//! A server that is killed and comes back, and 200 clients of the browser's client with it (tests/browser/comeback.mjs).

use crate::common::{node, server::TestServer};
use serde_json::Value;

/// All have their seats again soon, and did not all come at once.
fn comes_back(seconds_down: &str) {
    // The script starts and kills its own.
    let unused = TestServer::start(&[]);
    let Some(text) = node::run(&unused, "comeback.mjs", &["200", seconds_down], "comeback") else { return };
    let told: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(told["seated"], 200, "{told}");
    assert!(told["lastSeatMs"].as_u64().unwrap() < 5_000, "{told}");
    // Spread evenly over the first half second it is 40, and where those who have failed come again among the others up to 110.
    assert!(told["triesMostIn100Ms"].as_u64().unwrap() < 150, "a herd: {told}");
}

#[test]
fn all_are_seated_again_when_it_is_back_at_once() {
    comes_back("0");
}

/// `RestartSec=` of systemd/suzu.service.
#[test]
fn all_are_seated_again_when_it_is_back_after_two_seconds() {
    comes_back("2");
}
