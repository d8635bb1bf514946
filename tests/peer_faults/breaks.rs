//! Connections that break: reset, ended without a close frame, or ended in one direction only, wherever in its life a connection can be.

#[cfg(feature = "tls")]
use crate::common::tls::{DATA, HANDSHAKE as TLS_HANDSHAKE, Trusting, record};
use crate::{
    common::{
        neighbours::descriptors,
        server::{TestServer, wait_until},
        wire::{CLOSE, HANDSHAKE, TEXT, Wire, frame, tcp},
    },
    slow::{BYE, narrow},
    watched::Watched,
};
#[cfg(feature = "tls")]
use rustls::ClientConnection;
use socket2::SockRef;
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// How many connections break at a time, in each place.
const TIMES: usize = 5;
/// What Linux takes for one connection is 4 MB by default, at the most.
const QUEUED_MB: usize = 6;
const WELL: &[u8] = b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n";
/// Nothing ends because its time is up: only because the connection has broken.
const PATIENCE: [&str; 18] = [
    "--head-timeout-sec",
    "3600",
    "--tls-handshake-timeout-sec",
    "3600",
    "--register-timeout-sec",
    "3600",
    "--close-timeout-sec",
    "3600",
    "--websocket-pong-timeout-sec",
    "3600",
    "--websocket-read-timeout-sec",
    "3600",
    "--max-message-bytes",
    "1048576",
    "--max-queue-bytes",
    "33554432",
    "--resume-grace-sec",
    "0.1",
];

/// A connection, and whoever sits in a room with it.
type Reached = (TcpStream, Option<Wire>);

/// Brings a connection to somewhere in its life.
type Stage = (&'static str, fn(&TestServer) -> Reached);

const STAGES: &[Stage] = &[
    ("connected", |server| (tcp(server.address), None)),
    #[cfg(feature = "tls")]
    ("in a hello", |server| said(server, &record(TLS_HANDSHAKE, &[1, 0, 1, 0, 3, 3])[..8])),
    #[cfg(feature = "tls")]
    ("behind a hello", behind_a_hello),
    #[cfg(feature = "tls")]
    ("over TLS", |server| (Trusting::new(server).connect().stream.sock, None)),
    #[cfg(feature = "tls")]
    ("in a record", |server| {
        let mut stream = Trusting::new(server).join(&new_room()).stream.sock;
        stream.write_all(&record(DATA, &[0; 100])[..50]).unwrap();
        (stream, None)
    }),
    ("in a head", |server| said(server, b"GET /signaling HTTP/1.1\r\nHost: a\r\nUpgr")),
    ("behind a request", |server| said(server, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
    ("refused", |server| said(server, b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")),
    ("upgraded", |server| (Wire::open(server.address).stream, None)),
    ("in a frame's head", |server| open_and(server, &frame(TEXT, &[b' '; 70_000])[..5])),
    ("in a message", |server| open_and(server, &frame(TEXT, &[b' '; 70_000])[..60_000])),
    ("between fragments", |server| open_and(server, &frame(0x01, b"{\"type\":"))),
    ("in a room alone", |server| (Wire::join(server.address, &new_room()).stream, None)),
    ("in a call", in_a_call),
    ("in a message in a call", |server| {
        let (mut stream, mate) = in_a_call(server);
        stream.write_all(&frame(TEXT, &[b' '; 70_000])[..60_000]).unwrap();
        (stream, mate)
    }),
    ("closing", |server| open_and(server, &frame(CLOSE, &1000u16.to_be_bytes()))),
    ("being closed", |server| open_and(server, &frame(TEXT, b"hello"))),
    ("with a queue", with_a_queue),
    ("in a seat of the mesh", |server| {
        let mut wire = Wire::connect(server.address);
        wire.send(format!("GET /mesh HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
        wire.head();
        wire.text(r#"{"type":"connect","room":"mesh"}"#);
        assert!(wire.frame().text().contains(r#""type":"connected""#));
        (wire.stream, None)
    }),
];

/// A connection on which this was said.
fn said(server: &TestServer, bytes: &[u8]) -> Reached {
    let mut stream = tcp(server.address);
    stream.write_all(bytes).unwrap();
    (stream, None)
}

/// A WebSocket on which this was said.
fn open_and(server: &TestServer, bytes: &[u8]) -> Reached {
    let mut wire = Wire::open(server.address);
    wire.send(bytes);
    (wire.stream, None)
}

#[cfg(feature = "tls")]
fn behind_a_hello(server: &TestServer) -> Reached {
    let config = Trusting::new(server).config;
    let mut client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut stream = tcp(server.address);
    client.write_tls(&mut stream).unwrap();
    (stream, None)
}

fn new_room() -> String {
    static ROOMS: AtomicUsize = AtomicUsize::new(0);
    format!("room {}", ROOMS.fetch_add(1, Ordering::Relaxed))
}

fn in_a_call(server: &TestServer) -> Reached {
    let room = new_room();
    let mate = Wire::join(server.address, &room);
    (Wire::join(server.address, &room).stream, Some(mate))
}

/// More waits for it than the system takes for one connection (`tcp_wmem` of tcp(7)).
fn with_a_queue(server: &TestServer) -> Reached {
    let room = new_room();
    let mut mate = Wire::join(server.address, &room);
    let wire = Wire::over(narrow(server.address, 1400)).upgraded().seated(&room);
    let offer = format!(r#"{{"type":"offer","sdp":"{}"}}"#, "x".repeat(1_000_000));
    for _ in 0..QUEUED_MB {
        mate.text(&offer);
    }
    mate.settle();
    (wire.stream, Some(mate))
}

/// Brings connections to each place in their lives and breaks them there; what sits in a room with them is told, and nothing is left.
fn break_everywhere(server: &TestServer, how: fn(TcpStream)) {
    let before = descriptors(server.pid());
    for (stage, reach) in STAGES {
        let mut reached: Vec<_> = (0..TIMES).map(|_| reach(server)).collect();
        // Whatever was said to the server before has been heard when this is answered.
        assert!(Wire::connect(server.address).exchange(WELL).starts_with("HTTP/1.1 200 "));
        for (stream, mate) in reached.drain(..) {
            how(stream);
            if let Some(mut mate) = mate {
                assert_eq!(mate.frame().text(), BYE, "{stage}");
                assert_eq!(mate.frame().close_code(), 1000, "{stage}");
            }
        }
        wait_until(&format!("nothing to be left of those {stage}"), || descriptors(server.pid()) == before);
    }
}

#[test]
fn a_reset_anywhere_ends_that_connection_only() {
    let watched = Watched::start(&PATIENCE);
    watched.endure("resets", |server| {
        break_everywhere(server, |stream| SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap());
    });
    watched.end();
}

#[test]
fn an_end_without_a_close_frame_anywhere_ends_that_connection_only() {
    let watched = Watched::start(&PATIENCE);
    watched.endure("ends without a close frame", |server| {
        break_everywhere(server, |mut stream| {
            // With something unread it would be a reset.
            stream.set_nonblocking(true).unwrap();
            while stream.read(&mut [0; 64 * 1024]).is_ok_and(|count| count > 0) {}
        });
    });
    watched.end();
}

#[test]
fn who_has_finished_sending_anywhere_hears_the_rest_and_the_end() {
    let watched = Watched::start(&PATIENCE);
    watched.endure("half-closes", |server| {
        break_everywhere(server, |stream| {
            stream.shutdown(Shutdown::Write).unwrap();
            // The server ends it, though we do not.
            Wire::over(stream).ends();
        });
    });
    watched.end();
}

/// The answer is longer than what the system takes at once for a connection with packets this small.
#[test]
fn who_has_finished_sending_gets_the_whole_answer() {
    let watched = Watched::start(&PATIENCE);
    watched.endure("half-closed requests", |server| {
        let pages: &[&str] = if cfg!(feature = "web") { &["/suzu.js", "/intercom.css"] } else { &[] };
        for path in pages.iter().chain(&["/metrics"]) {
            let mut stream = narrow(server.address, 88);
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            // It is served before we begin to read.
            assert!(Wire::connect(server.address).exchange(WELL).starts_with("HTTP/1.1 200 "));
            let mut wire = Wire::over(stream);
            let head = wire.head();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            assert_eq!(wire.rest().len(), length.parse::<usize>().unwrap(), "{path}: {head}");
        }
    });
    watched.end();
}
