//! Real calls in a real browser against a real server: Chromium with the official Ayame SDK, with the clients of
//! docs/dialects, and with the one in src/web. The scenarios are in tests/browser; this starts them.

mod common;

use common::{node, server::TestServer};

#[test]
fn pages_in_chromium_reach_each_other() {
    let server = TestServer::start(&[]);
    let Some(text) = node::run(&server, "run.mjs", &[], "browser") else { return };
    let documented = ["docs-ayame", "docs-mailbox", "docs-relay", "docs-mesh", "mesh-resume"];
    let client = [
        "client-call",
        "client-glare",
        "client-cut",
        "client-server-restart",
        "client-teardown",
        "client-docs",
    ];
    for scenario in ["call"].into_iter().chain(documented).chain(client) {
        assert!(text.contains(&format!("ok {scenario} ")), "{scenario} was not played: {text}");
    }
}
