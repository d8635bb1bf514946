//! Ten thousand clients that come and go, of all kinds: nothing of them stays.

#[cfg(feature = "tls")]
use crate::common::tls::{Trusting, shake_hands};
use crate::{
    common::{
        scrape::Scrape,
        server::TestServer,
        wire::{CLOSE, Wire, frame, tcp},
    },
    watched::Watched,
};
use socket2::SockRef;
use std::time::Duration;

/// Each time: twice this many come.
const CLIENTS: usize = 5_000;

/// One that leaves with a close frame.
fn leave(mut wire: Wire) {
    wire.send(&frame(CLOSE, &1000u16.to_be_bytes()));
    assert_eq!(wire.frame().close_code(), 1000);
}

/// Comes and goes as the number says.
fn come_and_go(server: &TestServer, number: usize, over_tls: &impl Fn(usize)) {
    let address = server.address;
    let room = format!("churn {}", number % 50);
    match number % 20 {
        0 => over_tls(number),
        1..6 => drop(tcp(address)),
        6..8 => Wire::connect(address).send(b"GET /signaling HTTP/1.1\r\nHost: a\r\nUpgr"),
        8..10 => {
            let answer = Wire::connect(address).exchange(b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        10..13 => drop(Wire::open(address)),
        13..16 => drop(Wire::join(address, &room)),
        16..18 => leave(Wire::join(address, &room)),
        _ => {
            let wire = Wire::join(address, &room);
            SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}

#[test]
fn of_ten_thousand_clients_nothing_stays() {
    let watched = Watched::start(&["--eviction-silence-sec", "0.01"]);
    #[cfg(feature = "tls")]
    let clients = Trusting::new(&watched.server);
    #[cfg(not(feature = "tls"))]
    let address = watched.server.address;
    let over_tls = |_number: usize| {
        #[cfg(not(feature = "tls"))]
        drop(tcp(address));
        #[cfg(feature = "tls")]
        match _number % 60 {
            // Resumed, as a browser does it.
            0 => drop(clients.join("churn over TLS")),
            20 => drop(shake_hands(tcp(clients.address), &clients.config, "127.0.0.1").unwrap()),
            _ => drop(shake_hands(tcp(clients.address), &clients.config, "example.com").unwrap_err()),
        }
    };
    watched.endure("5,000 clients that come and go", |server| {
        (0..CLIENTS).for_each(|number| come_and_go(server, number, &over_tls));
    });
    let accepted = Scrape::of(watched.server.address).get("suzu_connections_accepted_total");
    assert!(accepted >= 2.0 * CLIENTS as f64, "only {accepted} were taken in");
    watched.end();
}
