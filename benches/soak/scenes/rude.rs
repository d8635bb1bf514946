//! Those who come to nothing: gone in the middle, or against the rules.

use crate::{
    common::{
        tls::HANDSHAKE as TLS_HANDSHAKE,
        tls::record,
        wire::{BINARY, HANDSHAKE, TEXT, frame},
    },
    door::Door,
    guest::{self, Guest, reset},
};
use rand::{RngExt, rngs::StdRng};
use rustls::ClientConnection;
use std::io::{Read, Write};
use suzu::signaling::Dialect::{self, Ayame, Mesh, Relay};

pub(super) fn some(door: &Door, random: &mut StdRng, room: &str) {
    for _ in 0..random.random_range(1..6) {
        match random.random_range(0..5) {
            0 => gone_before_a_request(door, random),
            1 => gone_in_a_handshake(door, random),
            2 => gone_without_a_seat(door, random, room),
            3 => no_tls(door, random),
            _ => against_the_rules(door, random, room),
        }
    }
}

/// Nothing, or a part of a request, and the end.
fn gone_before_a_request(door: &Door, random: &mut StdRng) {
    let mut tcp = guest::tcp(door, random);
    let request = format!("GET /signaling HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n");
    let said = random.random_range(0..request.len());
    tcp.write_all(&request.as_bytes()[..said]).unwrap();
    if random.random() {
        reset(&tcp);
    }
}

/// A part of what TLS begins with, or all of it and no more.
fn gone_in_a_handshake(door: &Door, random: &mut StdRng) {
    let mut tcp = guest::tcp(door, random);
    let mut client = ClientConnection::new(door.trust.clone(), "127.0.0.1".try_into().unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let said = if random.random() { hello.len() } else { random.random_range(1..hello.len()) };
    tcp.write_all(&hello[..said]).unwrap();
    if said == hello.len() {
        let _ = tcp.read(&mut [0; 512]);
    }
    if random.random() {
        reset(&tcp);
    }
}

/// A WebSocket that never asks for a seat.
fn gone_without_a_seat(door: &Door, random: &mut StdRng, room: &str) {
    let dialect = if random.random() { Ayame } else { Mesh };
    let guest = Guest::come(door, random, dialect, room);
    if random.random() {
        reset(guest.wire.stream.tcp());
    }
}

/// A record that no handshake begins with.
fn no_tls(door: &Door, random: &mut StdRng) {
    let mut tcp = guest::tcp(door, random);
    tcp.write_all(&record(TLS_HANDSHAKE, &[1, 0, 0, 4, 3, 3, 0, 0])).unwrap();
    let mut rest = Vec::new();
    let _ = tcp.read_to_end(&mut rest);
}

/// What must be answered by a close.
fn against_the_rules(door: &Door, random: &mut StdRng, room: &str) {
    let unmasked = [TEXT, 2, b'h', b'i'];
    let no_text = frame(TEXT, &[0xff, 0xfe]);
    let long = frame(BINARY, &vec![0; 70_000]);
    let cases: [(Dialect, &[u8], u16); 5] = [
        (Relay, &unmasked, 1002),
        (Relay, &no_text, 1007),
        (Relay, &long, 1009),
        (Ayame, &frame(TEXT, b"no JSON"), 1000),
        (Mesh, &frame(BINARY, b"{}"), 1003),
    ];
    let (dialect, bytes, code) = cases[random.random_range(0..cases.len())];
    let mut guest = Guest::come(door, random, dialect, room);
    guest.wire.send(bytes);
    guest.shown_out(code);
}
