//! The disconnect webhook of the real server: somebody is told of every session's end, once, and later if need be; and the headers that both
//! webhooks are given.

#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod common;
mod webhook_rig;

use common::{
    server::{TestServer, wait_until},
    wire::{CLOSE, HANDSHAKE, Wire, frame},
};
use std::{collections::BTreeSet, time::Duration};
use webhook_rig::{
    backend::{Asked, Backend, reply},
    read_to_end,
};

/// Takes a seat as this client, and returns the connection's id.
fn register(wire: &mut Wire, room: &str, client: &str) -> String {
    wire.text(&format!(r#"{{"type":"register","roomId":"{room}","clientId":"{client}"}}"#));
    let accept = wire.frame();
    assert!(accept.text().contains(r#""type":"accept""#), "{accept:?}");
    accept.text().split('"').nth(7).unwrap().to_owned()
}

fn body(room: &str, client: &str, connection: &str) -> String {
    format!(r#"{{"roomId":"{room}","clientId":"{client}","connectionId":"{connection}"}}"#)
}

type Ending = fn(&mut Wire);

fn bodies(told: &[Asked]) -> BTreeSet<String> {
    told.iter().map(|told| told.body.clone()).collect()
}

#[test]
fn somebody_is_told_once_of_every_session_however_it_ends() {
    let backend = Backend::start(|_, _, stream| reply(stream, 204, ""));
    let server =
        TestServer::start(&["--disconnect-webhook-url", &backend.url(), "--eviction-silence-sec", "0.2"]);
    let mut expected = BTreeSet::new();
    // Each of these ends a pair, by one of the two.
    let endings: [(&str, Ending); 4] = [
        ("bye", |wire| wire.text(r#"{"type":"bye"}"#)),
        ("close", |wire| wire.send(&frame(CLOSE, &1000u16.to_be_bytes()))),
        ("lost", |wire| wire.stream.shutdown(std::net::Shutdown::Both).unwrap()),
        ("misspoke", |wire| wire.text("nonsense")),
    ];
    for (room, end) in endings {
        let mut pair = [(); 2].map(|()| Wire::open(server.address));
        for (wire, client) in pair.iter_mut().zip(["alice", "bob"]) {
            let connection = register(wire, room, client);
            expected.insert(body(room, client, &connection));
        }
        end(&mut pair[0]);
        backend.wait_for(expected.len());
        assert!(pair[1].frame().text().contains("bye"));
    }
    // The same client comes again: its ghost is evicted, and goes alone.
    let mut ghost = Wire::open(server.address);
    expected.insert(body("evicted", "ghost", &register(&mut ghost, "evicted", "ghost")));
    let mut back = Wire::open(server.address);
    let connection = register(&mut back, "evicted", "ghost");
    backend.wait_for(expected.len());
    assert_eq!(bodies(&backend.asked()), expected);
    // Nobody is told of those who were never accepted, nor twice of the others.
    drop(Wire::open(server.address));
    let mut nobody = Wire::open(server.address);
    nobody.text(r#"{"type":"register","roomId":""}"#);
    assert!(nobody.ends());
    expected.insert(body("evicted", "ghost", &connection));
    let mut nameless = Wire::open(server.address);
    nameless.text(r#"{"type":"register","roomId":"nameless"}"#);
    let id = nameless.frame().text().split('"').nth(7).unwrap().to_owned();
    expected.insert(body("nameless", &id, &id));
    let mut server = server;
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let told = backend.asked();
    assert_eq!(
        (told.len(), bodies(&told)),
        (expected.len(), expected),
        "also of those who are there at a stop"
    );
    assert!(backend.server.connections() <= 2, "two at a time, over connections that are kept");
}

#[test]
fn who_could_not_be_told_is_told_later() {
    let backend = Backend::start(|number, _, stream| match number {
        0 => reply(stream, 500, ""),
        1 => reply(stream, 404, ""),
        _ => reply(stream, 200, "whatever"),
    });
    let server = TestServer::start(&["--disconnect-webhook-url", &backend.url()]);
    let mut wire = Wire::open(server.address);
    let connection = register(&mut wire, "door", "alice");
    drop(wire);
    let told = backend.wait_for(3);
    assert!(told.iter().all(|told| told.body == body("door", "alice", &connection)), "{told:?}");
    for (pair, pause) in told.windows(2).zip([1, 2]) {
        let waited = pair[1].at - pair[0].at;
        assert!(waited >= Duration::from_secs(pause), "{waited:?}");
    }
    let log = server.log();
    assert!(
        log.contains("again in 1s: it answered with 500")
            && log.contains("again in 2s: it answered with 404"),
        "{log}"
    );
    // It is over with that.
    let mut wire = Wire::open(server.address);
    let connection = register(&mut wire, "door", "bob");
    drop(wire);
    assert_eq!(backend.wait_for(4)[3].body, body("door", "bob", &connection));
}

#[test]
fn nobody_is_told_for_ever() {
    let url = format!("http://{}/", webhook_rig::refusing());
    let server = TestServer::start(&["--disconnect-webhook-url", &url]);
    drop(Wire::join(server.address, "door"));
    server.wait_for_log("was not told of a session's end, 1 up to now: it takes no connection");
    assert_eq!(server.log().matches(" is again in ").count(), 3, "{}", server.log());
}

#[test]
fn of_too_many_who_wait_the_oldest_are_dropped_and_the_log_says_so() {
    let backend = Backend::start(|_, _, stream| {
        read_to_end(stream);
        false
    });
    let url = backend.url();
    let mut server =
        TestServer::start(&["--disconnect-webhook-url", &url, "--webhook-request-timeout-sec", "60"]);
    let leave = |count: usize| {
        for n in 0..count {
            let mut wire = Wire::join(server.address, &format!("room {n}"));
            wire.text(r#"{"type":"bye"}"#);
            assert_eq!(wire.frame().first, CLOSE);
        }
    };
    leave(8);
    assert_eq!(backend.wait_for(8).len(), 8, "so many at a time");
    leave(256);
    assert!(!server.log().contains("dropped"), "256 wait: {}", server.log());
    leave(1);
    server.wait_for_log("the oldest are dropped, 1 up to now");
    assert!(server.is_alive());
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    wait_until("the last words", || {
        server.log().contains("was not told of the end of 264 sessions, 265 in all")
    });
}

#[test]
fn headers_that_are_listed_are_copied_into_both_webhooks() {
    let backend = Backend::allowing();
    let url = backend.url();
    let server = TestServer::start(&[
        "--authn-webhook-url",
        &url,
        "--disconnect-webhook-url",
        &url,
        "--copy-websocket-header-names",
        "Cookie, x-real-ip,User-Agent",
    ]);
    let open = |headers: &str| {
        let mut wire = Wire::connect(server.address);
        wire.send(format!("GET /signaling HTTP/1.1\r\nHost: a\r\n{headers}{HANDSHAKE}\r\n").as_bytes());
        assert!(wire.head().starts_with("HTTP/1.1 101 "));
        wire
    };
    let mut wire =
        open("cookie: a=1\r\nX-Real-IP: 10.0.0.9\r\nUser-Agent: momo\r\nCookie: b=2\r\nX-Secret: s\r\n");
    register(&mut wire, "door", "alice");
    drop(wire);
    let told = backend.wait_for(2);
    for asked in &told {
        assert_eq!(asked.headers("Cookie"), ["a=1", "b=2"]);
        assert_eq!(asked.headers("x-real-ip"), ["10.0.0.9"]);
        assert_eq!(asked.headers("User-Agent"), ["momo"]);
        assert!(!asked.head.contains("Secret"), "{}", asked.head);
    }
    // Somebody else has none of that.
    let mut plain = open("");
    register(&mut plain, "door", "bob");
    let asked = &backend.wait_for(3)[2];
    assert!(asked.headers("Cookie").is_empty() && asked.headers("User-Agent")[0].starts_with("suzu/"));
    // What is too long together is left out, and the log says so.
    let mut long = open(&format!("Cookie: {}\r\nX-Real-IP: 10.0.0.9\r\n", "c".repeat(5_000)));
    register(&mut long, "other", "carol");
    let asked = &backend.wait_for(4)[3];
    assert!(asked.headers("Cookie").is_empty() && asked.headers("x-real-ip") == ["10.0.0.9"]);
    server.wait_for_log("1 headers are too long together for webhooks, and left out");
    assert!(!server.whole_log().contains("a=1"));
}
