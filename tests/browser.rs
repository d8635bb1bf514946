//! Real calls in a real browser against a real server: Chromium with the official Ayame SDK, and with the clients of
//! docs/dialects. The scenarios are in tests/browser; this starts them.

mod common;

use common::{node, server::TestServer};

#[test]
fn pages_in_chromium_reach_each_other() {
    let server = TestServer::start(&[]);
    let Some(text) = node::run(&server, "run.mjs", &[], "browser") else { return };
    for scenario in ["call", "docs-ayame", "docs-mailbox", "docs-relay", "docs-mesh", "mesh-resume"] {
        assert!(text.contains(&format!("ok {scenario} ")), "{scenario} was not played: {text}");
    }
}
