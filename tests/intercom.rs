//! The intercom as it is embedded in the program, in real browsers: Chromium plays the scenarios in tests/browser/intercom against a real
//! server, over http on this machine and over https with an authority that it trusts.
#![cfg(feature = "web")]

mod common;

use common::{node, server::TestServer, wire::Wire};
use std::process::Command;

/// What a GET of a path gets, with these header lines.
fn get(server: &TestServer, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", server.address).as_bytes());
    (wire.head(), wire.rest())
}

#[test]
fn stations_ring_and_talk_to_each_other() {
    let server = TestServer::start(&[]);
    let Some(text) = node::run(&server, "intercom.mjs", &[], "intercom") else { return };
    for scenario in [
        "answer",
        "decline",
        "busy",
        "no-answer",
        "glare",
        "hang-up",
        "cut",
        "restart",
        "auto-answer",
        "group",
        "keyboard",
        "japanese",
        "axe-pages",
    ] {
        assert!(text.contains(&format!("ok {scenario} ")), "{scenario} was not played: {text}");
    }
}

#[test]
fn the_parts_without_a_browser_hold() {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter", "dot", "../web/"]);
    node::run_command(&mut node, "web");
}

/// Plays these scenarios over https, in a browser that trusts the server's authority.
#[cfg(feature = "tls")]
fn play_over_https(scenarios: &[&str]) {
    use common::{server::TempDir, skip, tls::ca_pem};
    let server = TestServer::start(&[]);
    let home = TempDir::new();
    let database = format!("sql:{}", home.join(".pki/nssdb").display());
    std::fs::create_dir_all(home.join(".pki/nssdb")).unwrap();
    std::fs::write(home.join("ca.pem"), ca_pem(server.address)).unwrap();
    let certutil = |args: &[&str]| {
        Command::new("certutil").args(["-d", &database]).args(args).current_dir(&home.path).status()
    };
    let Ok(status) = certutil(&["-N", "--empty-password"]) else { return skip("certutil (libnss3-tools)") };
    assert!(status.success());
    assert!(certutil(&["-A", "-t", "C,,", "-n", "suzu", "-i", "ca.pem"]).unwrap().success());
    let mut node = Command::new("node");
    node.args(["intercom.mjs", &format!("https://{}", server.address)]).args(scenarios);
    let Some(text) = node::run_command(node.env("HOME", &home.path), "intercom over https") else { return };
    for scenario in scenarios {
        assert!(text.contains(&format!("ok {scenario} ")), "{scenario} was not played: {text}");
    }
}

/// `cross/check` has it done by the binaries for boards, on emulated processors.
#[cfg(feature = "tls")]
#[test]
fn a_call_over_wss_is_seen_and_heard() {
    play_over_https(&["answer"]);
}

#[cfg(feature = "tls")]
#[test]
fn over_https_the_diagnostics_find_another_device() {
    play_over_https(&["diagnostics-two"]);
}

#[test]
fn browsers_keep_what_has_not_changed_and_get_it_packed_if_they_can() {
    let server = TestServer::start(&[]);
    let (head, plain) = get(&server, "/suzu.js", "");
    assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("Content-Encoding"), "{head}");
    let (head, packed) = get(&server, "/suzu.js", "Accept-Encoding: gzip, br\r\n");
    assert!(
        head.contains("\r\nContent-Encoding: gzip\r\n") && head.contains("\r\nVary: Accept-Encoding\r\n"),
        "{head}"
    );
    assert!(packed.len() < plain.len() / 2 && packed.starts_with(&[0x1f, 0x8b]));
    let etag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
    let (head, body) = get(&server, "/suzu.js", &format!("If-None-Match: {etag}\r\n"));
    assert!(head.starts_with("HTTP/1.1 304 ") && body.is_empty(), "{head}");
}

#[test]
fn every_page_says_what_it_may_do() {
    let server = TestServer::start(&[]);
    for path in ["/", "/diagnostics", "/suzu.js", "/intercom.css"] {
        let (head, _) = get(&server, path, "");
        let policy = head.lines().find_map(|line| line.strip_prefix("Content-Security-Policy: ")).unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        for header in [
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Permissions-Policy: camera=(self), ",
        ] {
            assert!(head.contains(header), "{path}: {header} is missing in {head}");
        }
    }
}

#[test]
fn without_mesh_there_is_no_intercom_but_a_page_that_says_what_is() {
    let server = TestServer::start(&["--dialects", "ayame"]);
    let (head, body) = get(&server, "/", "");
    let body = String::from_utf8(body).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body.contains("/signaling") && !body.contains("intercom.js"),
        "{body}"
    );
    assert!(get(&server, "/intercom.js", "").0.starts_with("HTTP/1.1 404 "));
}
