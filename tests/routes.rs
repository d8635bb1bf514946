//! Which path speaks what: the settings `route` and `dialects`, and what an upgrade on any other path hears.

mod common;

use common::{
    server::TestServer,
    wire::{HANDSHAKE, Wire},
};
use std::process::Command;

/// The whole answer to an upgrade that is refused, or the head of a 101.
fn upgrade(server: &TestServer, path: &str) -> String {
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    let head = wire.head();
    if head.starts_with("HTTP/1.1 101 ") { head } else { head + std::str::from_utf8(&wire.rest()).unwrap() }
}

fn refused(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_suzu")).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn by_default_every_dialect_has_its_path() {
    let server = TestServer::start(&[]);
    for path in ["/signaling", "/ws", "/mesh", "/echo", "/chat?room=a", "/relay?frames=binary&room=a"] {
        assert!(upgrade(&server, path).starts_with("HTTP/1.1 101 "), "{path}");
    }
}

#[test]
fn a_dialect_that_is_off_is_not_there_in_clear_words() {
    let server = TestServer::start(&["--dialects", "mesh,echo"]);
    for path in ["/mesh", "/echo"] {
        assert!(upgrade(&server, path).starts_with("HTTP/1.1 101 "), "{path}");
    }
    for path in ["/signaling", "/ws", "/chat", "/nowhere"] {
        let answer = upgrade(&server, path);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(answer.contains(&format!("nothing is at {path}\n")), "{answer}");
        assert!(answer.ends_with("\n/mesh (mesh)\n/echo (echo)\n"), "{answer}");
    }
}

#[test]
fn routes_that_are_given_are_all_there_are() {
    let server = TestServer::start(&["--route", "/a ayame", "--route", "/b/c mesh"]);
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET /b/c HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    wire.text(r#"{"type":"connect","room":"r","id":"x"}"#);
    assert!(wire.frame().text().starts_with(r#"{"type":"connected","id":"x","room":"r","#));
    assert!(upgrade(&server, "/a").starts_with("HTTP/1.1 101 "));
    assert!(upgrade(&server, "/signaling").starts_with("HTTP/1.1 404 "));
}

#[test]
fn routes_that_cannot_be_are_refused_with_what_can() {
    for (args, message) in [
        (
            &["--route", "/a"][..],
            "--route: \"/a\" is not a path and a dialect; allowed: a path and one of ayame",
        ),
        (&["--route", "/a morse"], "--route: \"morse\" is not a dialect; allowed:"),
        (&["--route", "a ayame"], "--route: \"a\" is not a path that can be given away; allowed:"),
        (&["--route", "/.ok ayame"], "--route: \"/.ok\" is not a path that can be given away; allowed:"),
        (&["--route", "/a ayame", "--route", "/a mesh"], "route: /a is there twice; allowed: each path once"),
        (&["--dialects", "ayame,"], "--dialects: \"\" is not a dialect; allowed: a list of ayame"),
        (&["--route", "/a ayame", "--dialects", "mesh"], "route: none is left for the dialects that are on"),
    ] {
        let error = refused(args);
        assert!(error.starts_with(&format!("suzu: {message}")), "{args:?}: {error}");
    }
}
