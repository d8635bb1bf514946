//! What a real Chromium makes of the server's own authority, by address and by name
//! The scenarios are in
//! tests/browser/trust.mjs; this starts them.

#![cfg(feature = "tls")]

mod common;

use common::{
    netns::{Machine, is_alone},
    node,
    server::{TempDir, TestServer},
    skip,
};
use std::process::Command;

#[test]
fn chromium_calls_over_wss_once_it_trusts_the_authority_and_is_told_how_before() {
    if !is_alone("chromium_calls_over_wss_once_it_trusts_the_authority_and_is_told_how_before") {
        return;
    }
    // The address in a network that others have, too.
    let _machine = Machine::wired("10.99.0.1", "10.99.0.2");
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "[::]:0"]);
    let server = TestServer::start_command(command, TempDir::new());
    let hosts = ["127.0.0.1", "localhost", "10.99.0.1"];
    let Some(text) = node::run(&server, "trust.mjs", &hosts, "trust") else { return };
    for scenario in ["stranger", "platforms", "secure", "trusted", "noticed", "wss-call"] {
        assert!(text.contains(&format!("ok {scenario} ")), "{scenario} was not played: {text}");
    }
}

/// What suzu prints when it listens where others can reach it, run by these words and itself.
fn printed(words: &[&str]) -> Vec<String> {
    let state = TempDir::new();
    let mut command = Command::new(words[0]);
    let suzu = env!("CARGO_BIN_EXE_suzu");
    command
        .args(&words[1..])
        .arg(format!("exec {suzu} --listen 0.0.0.0:0 --state-dir {} 2>/dev/null", state.path.display()));
    let mut server = TestServer::start_command(command, TempDir::new());
    // Who runs it passes that on; killed, it would leave suzu behind.
    server.signal("TERM");
    server.wait();
    server.banner.clone()
}

#[test]
fn a_terminal_shows_a_qr_code_and_a_pipe_does_not() {
    if !is_alone("a_terminal_shows_a_qr_code_and_a_pipe_does_not") {
        return;
    }
    let _machine = Machine::wired("10.99.0.1", "10.99.0.2");
    if Command::new("script").arg("--version").output().is_err() {
        return skip("script (bsdutils)");
    }
    let is_drawn = |line: &&String| line.contains("\x1b[30;107m");
    let shown = printed(&["script", "-qe", "/dev/null", "-c"]);
    let code: Vec<_> = shown.iter().filter(is_drawn).collect();
    assert!(code.len() >= 15, "{shown:?}");
    let width = |line: &str| line.chars().filter(|c| " █▀▄".contains(*c)).count();
    assert!(code.iter().all(|line| width(line) == width(code[0])), "{shown:?}");
    let before = shown.iter().position(|line| line.contains("from other devices https://10.99.0.1:"));
    assert!(before.is_some() && before < shown.iter().position(|line| is_drawn(&line)), "{shown:?}");

    let piped = printed(&["sh", "-c"]);
    assert!(!piped.iter().any(|line| line.contains('\x1b') || is_drawn(&line)), "{piped:?}");
}
