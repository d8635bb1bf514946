//! The official Ayame SDK in plain Node, on a real WebRTC: fifty pairs at once call through one server. The clients are
//! in tests/browser/pairs.mjs; this starts them.

mod common;

use common::{node, server::TestServer};

#[test]
fn fifty_pairs_at_once_exchange_data() {
    let server = TestServer::start(&[]);
    let Some(text) = node::run(&server, "pairs.mjs", &["50"], "pairs") else { return };
    assert!(text.contains("50 of 50 pairs exchanged data"), "{text}");
}
