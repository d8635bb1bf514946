//! `require_tls`, and what other machines see: one is made for the purpose, in a network of the test's own.

#![cfg(feature = "tls")]

mod common;

use common::{
    netns::{Machine, is_alone},
    openssl::OpenSsl,
    server::{TempDir, TestServer},
    tls::{WELL, ca_pem, client_config, shake_hands},
    wire::{HANDSHAKE, Wire, tcp},
};
use std::{net::SocketAddr, process::Command};

/// Starts suzu on the other machine, on all its addresses.
fn start_on(machine: &Machine, args: &[&str]) -> TestServer {
    let mut command = machine.command(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "[::]:0"]).args(args);
    TestServer::start_command(command, TempDir::new())
}

/// The same server by another of its addresses.
fn at(server: &TestServer, address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), server.address.port())
}

fn upgrade(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: box.local:3000\r\n{HANDSHAKE}\r\n")
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: box.local:3000\r\n\r\n")
}

#[test]
fn other_machines_are_sent_to_https_and_get_there() {
    if !is_alone("other_machines_are_sent_to_https_and_get_there") {
        return;
    }
    let machine = Machine::wired("10.99.0.1", "10.99.0.2");
    let server = start_on(&machine, &["--require-tls", "true"]);
    let there = at(&server, "10.99.0.2");
    for path in ["/", "/nowhere?a=b"] {
        let answer = Wire::connect(there).exchange(get(path).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 307 "), "{path}: {answer}");
        assert!(answer.contains(&format!("\r\nLocation: https://box.local:3000{path}\r\n")), "{answer}");
    }
    for path in ["/signaling", "/nowhere"] {
        let answer = Wire::connect(there).exchange(upgrade(path).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("wss://"), "{path}: {answer}");
    }
    // What is needed to get there, and whoever looks after its health.
    for path in ["/trust", "/trust.js", "/ca.pem", "/ca.crt", "/ca.mobileconfig", "/.ok"] {
        let answer = Wire::connect(there).exchange(get(path).replace("GET", "HEAD").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    let config = client_config(&ca_pem(there));
    let connect = || Wire::over(shake_hands(tcp(there), &config, "10.99.0.2").unwrap());
    assert!(connect().exchange(get("/").as_bytes()).starts_with("HTTP/1.1 200 "));
    let (mut one, mut other) = (connect().upgraded().seated("wss"), connect().upgraded().seated("wss"));
    one.text(r#"{"type":"offer","sdp":"v=0"}"#);
    assert_eq!(other.frame().text(), r#"{"type":"offer","sdp":"v=0"}"#);
}

#[test]
fn without_it_other_machines_may_come_in_plain() {
    if !is_alone("without_it_other_machines_may_come_in_plain") {
        return;
    }
    let machine = Machine::wired("10.99.0.1", "10.99.0.2");
    let server = start_on(&machine, &[]);
    Wire::join(at(&server, "10.99.0.2"), "plain");
}

#[test]
fn this_machine_may_come_in_plain_by_any_of_its_addresses() {
    if !is_alone("this_machine_may_come_in_plain_by_any_of_its_addresses") {
        return;
    }
    let _machine = Machine::wired("10.99.0.1", "10.99.0.2");
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "[::]:0", "--require-tls", "true"]);
    let server = TestServer::start_command(command, TempDir::new());
    for address in ["127.0.0.1", "127.0.0.5", "::1", "10.99.0.1"] {
        let here = at(&server, address);
        assert!(Wire::connect(here).exchange(get("/").as_bytes()).starts_with("HTTP/1.1 200 "), "{address}");
        Wire::join(here, "plain");
    }
    let config = client_config(&ca_pem(at(&server, "::1")));
    let secure = shake_hands(tcp(at(&server, "127.0.0.1")), &config, "127.0.0.1").unwrap();
    Wire::over(secure).upgraded().seated("plain");
}

#[test]
fn a_machine_that_gets_another_address_gets_another_certificate_and_nobody_is_dropped() {
    if !is_alone("a_machine_that_gets_another_address_gets_another_certificate_and_nobody_is_dropped") {
        return;
    }
    let Some(openssl) = OpenSsl::find() else { return };
    let machine = Machine::wired("10.99.0.1", "10.99.0.2");
    let server = start_on(&machine, &[]);
    let there = at(&server, "10.99.0.2");
    openssl.write("ca.pem", &ca_pem(there));
    let config = client_config(&ca_pem(there));
    let join =
        || Wire::over(shake_hands(tcp(there), &config, "10.99.0.2").unwrap()).upgraded().seated("stays");
    let (mut one, mut other) = (join(), join());

    machine.ip("addr add 10.99.0.77/24 dev there");
    machine.ip("addr add 8.8.4.4/32 dev there");
    server.signal("HUP");
    server.wait_for_log("new TLS connections get the new certificate");
    let moved = at(&server, "10.99.0.77");
    let stream = shake_hands(tcp(moved), &config, "10.99.0.77").unwrap();
    assert!(Wire::over(stream).exchange(WELL).starts_with("HTTP/1.1 200 "));
    let shown = openssl.run(&format!("s_client -connect {moved} -CAfile ca.pem -verify_return_error"));
    openssl.write("leaf.pem", &shown);
    let names = openssl.run("x509 -in leaf.pem -noout -ext subjectAltName");
    assert!(
        names.contains("10.99.0.2") && names.contains("10.99.0.77") && !names.contains("8.8.4.4"),
        "{names}"
    );

    one.text(r#"{"type":"offer","sdp":"v=0"}"#);
    assert_eq!(other.frame().text(), r#"{"type":"offer","sdp":"v=0"}"#);
}
