//! A real call in a real browser: Chromium with the official Ayame SDK against a real server. The scenarios are in
//! tests/browser; this starts them.

mod common;

use common::{announce, server::TestServer, skip};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// What `run.mjs` exits with when something that it needs is not installed.
const SKIPPED: i32 = 77;

#[test]
fn two_pages_with_the_ayame_sdk_hold_a_call() {
    let server = TestServer::start(&[]);
    let mut node = Command::new("node");
    node.arg("run.mjs").arg(format!("ws://{}/signaling", server.address));
    node.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")).stdin(Stdio::null());
    let Ok(output) = node.output() else { return skip("node") };
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(SKIPPED) {
        let needs = text.lines().find_map(|line| line.strip_prefix("skipped: needs "));
        return skip(needs.unwrap_or("something that tests/browser/run.mjs did not name"));
    }
    for line in text.lines() {
        announce(&format!("browser: {line}"));
    }
    assert!(output.status.success(), "{text}");
    assert!(text.contains("ok call "), "no call was made: {text}");
}
