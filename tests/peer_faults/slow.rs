//! Clients that are slow on purpose: senders of a byte now and then, and readers that do not read.

#[cfg(feature = "tls")]
use crate::common::tls::Trusting;
use crate::{
    common::{
        announce,
        neighbours::descriptors,
        scrape::Scrape,
        server::{DEADLINE, TestServer, wait_until},
        wire::{CLOSE, Frame, HANDSHAKE, PING as WEBSOCKET_PING, TEXT, Wire, frame, tcp, with_deadlines},
    },
    watched::Watched,
};
use socket2::{Domain, Socket, Type};
use std::{
    io::{ErrorKind, Read, Write},
    iter,
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

pub(crate) const BYE: &str = r#"{"type":"bye"}"#;
const PING: &str = r#"{"type":"ping"}"#;
/// Between two bytes. With the deadlines below it is what a byte a second is with the default ones, and slower still.
const PAUSE: Duration = Duration::from_millis(250);
const DEADLINES: [&str; 14] = [
    "--head-timeout-sec",
    "1",
    "--tls-handshake-timeout-sec",
    "1",
    "--register-timeout-sec",
    "1",
    "--close-timeout-sec",
    "1",
    "--websocket-ping-interval-sec",
    "0.5",
    "--websocket-pong-timeout-sec",
    "1.5",
    "--websocket-read-timeout-sec",
    "3600",
];

/// Sends a byte, waits for a while, and so on until the connection ends; what came and how long it took.
fn drip<S: Read + Write>(mut stream: S, bytes: impl Iterator<Item = u8>) -> (Vec<u8>, Duration) {
    let (start, mut heard, mut buffer) = (Instant::now(), Vec::new(), [0; 4096]);
    for byte in bytes {
        // Who is let go may find out by this.
        let is_over = stream.write_all(&[byte]).is_err();
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => heard.extend(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                assert!(!is_over && start.elapsed() < DEADLINE, "it is not let go: {heard:02x?}");
            }
            Err(_) => break,
        }
    }
    (heard, start.elapsed())
}

/// Waits for answers no longer than the pause between two bytes.
fn paced(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PAUSE)).unwrap();
    stream
}

/// What was heard last, which is a close frame.
fn close_code(mut heard: Vec<u8>) -> String {
    let frames: Vec<_> = std::iter::from_fn(|| Frame::take(&mut heard)).collect();
    frames.last().expect("not a frame").close_code().to_string()
}

/// What begins like a message of 60,000 bytes, and would not come to its end in hours.
fn endless_message() -> impl Iterator<Item = u8> {
    frame(TEXT, &[b' '; 60_000]).into_iter()
}

/// What comes of a slow sender: a status or a close code, and how long it took.
type Outcome = (String, Duration);

fn head<S: Read + Write>(stream: S) -> Outcome {
    let head = b"GET /.ok HTTP/1.1\r\nX: ".iter().copied().chain(iter::repeat(b'x'));
    let (heard, time) = drip(stream, head);
    (String::from_utf8(heard).unwrap().split(' ').nth(1).unwrap_or_default().to_owned(), time)
}

fn plain_head(server: &TestServer) -> Outcome {
    head(paced(tcp(server.address)))
}

/// The head of a frame has 14 bytes if it says its length at length.
fn frame_head(server: &TestServer) -> Outcome {
    let bytes = [&[TEXT, 0xff][..], &60_000u64.to_be_bytes(), &[1, 2, 3, 4]].concat();
    let (heard, time) = drip(paced(Wire::open(server.address).stream), bytes.into_iter().cycle());
    (close_code(heard), time)
}

fn register(server: &TestServer) -> Outcome {
    let (heard, time) = drip(paced(Wire::open(server.address).stream), endless_message());
    (close_code(heard), time)
}

/// Its mate hears of its end.
fn message_in_a_call(server: &TestServer) -> Outcome {
    let (mut mate, wire) = (Wire::join(server.address, "slow"), Wire::join(server.address, "slow"));
    let (heard, time) = thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                // It answers, so it is not let go itself.
                match mate.next_frame().expect("it is let go before it is told") {
                    Frame { first: WEBSOCKET_PING, .. } => {}
                    ping if ping.text() == PING => mate.text(r#"{"type":"pong"}"#),
                    other => return assert_eq!(other.text(), BYE),
                }
            }
        });
        drip(paced(wire.stream), endless_message())
    });
    (close_code(heard), time)
}

fn close_frame(server: &TestServer) -> Outcome {
    let wire = Wire::join(server.address, "slow close");
    // The frame is complete with the eighth byte, and that is too late.
    let (heard, time) =
        drip(paced(wire.stream), frame(CLOSE, &1000u16.to_be_bytes()).into_iter().chain([0; 80]));
    (close_code(heard), time)
}

/// What is said to `/echo` needs not be anything, and its pings are those of WebSocket.
fn message_to_echo(server: &TestServer) -> Outcome {
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET /echo HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    let (heard, time) = drip(paced(wire.stream), endless_message());
    (close_code(heard), time)
}

/// A hello that says that it is 512 bytes long: not a word is said to it.
#[cfg(feature = "tls")]
fn hello(server: &TestServer) -> Outcome {
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3].into_iter().chain(iter::repeat(0));
    let (heard, time) = drip(paced(tcp(server.address)), hello);
    (String::from_utf8(heard).unwrap(), time)
}

#[cfg(feature = "tls")]
fn head_over_tls(server: &TestServer) -> Outcome {
    let mut stream = Trusting::new(server).connect().stream;
    stream.sock = paced(stream.sock);
    head(stream)
}

/// Where somebody is slow, what it hears, and when that is due.
struct Slow {
    place: &'static str,
    outcome: &'static str,
    due_sec: f64,
    send: fn(&TestServer) -> Outcome,
}

const SENDERS: &[Slow] = &[
    Slow { place: "a head", outcome: "408", due_sec: 1.0, send: plain_head },
    Slow { place: "a frame's head", outcome: "1008", due_sec: 1.0, send: frame_head },
    Slow { place: "a register", outcome: "1008", due_sec: 1.0, send: register },
    Slow { place: "a message in a call", outcome: "1000", due_sec: 1.5, send: message_in_a_call },
    Slow { place: "a close", outcome: "1000", due_sec: 1.5, send: close_frame },
    Slow { place: "a message to echo", outcome: "1000", due_sec: 1.5, send: message_to_echo },
    #[cfg(feature = "tls")]
    Slow { place: "a hello of TLS", outcome: "", due_sec: 1.0, send: hello },
    #[cfg(feature = "tls")]
    Slow { place: "a head over TLS", outcome: "408", due_sec: 1.0, send: head_over_tls },
];

#[test]
fn who_sends_a_byte_now_and_then_is_let_go_at_the_deadline() {
    let watched = Watched::start(&DEADLINES);
    watched.endure("a byte now and then", |server| {
        thread::scope(|scope| {
            for Slow { place, outcome, due_sec, send } in SENDERS {
                scope.spawn(move || {
                    let (heard, time) = send(server);
                    assert_eq!(heard, *outcome, "{place}");
                    assert!(time.as_secs_f64() > due_sec - 0.05, "{place}: too early, after {time:?}");
                    announce(&format!(
                        "{place}, a byte each {PAUSE:?}: gone after {time:.1?}, due after {due_sec} s"
                    ));
                });
            }
        });
    });
    watched.end();
}

/// A connection that the system keeps little for: a small window, and packets so small that the other side's buffer is small as well.
pub(crate) fn narrow(address: SocketAddr, packet_bytes: u32) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.set_tcp_mss(packet_bytes).unwrap();
    socket.connect(&address.into()).unwrap();
    with_deadlines(socket.into())
}

/// A message of 10 KB.
fn offer(number: usize) -> String {
    format!(r#"{{"type":"offer","number":{number},"sdp":"{}"}}"#, "x".repeat(10_000))
}

#[test]
fn who_does_not_read_is_told_so_behind_its_queue_and_its_mate_hears_of_it() {
    let watched = Watched::start(&["--close-timeout-sec", "20"]);
    watched.endure("a reader that does not read", |server| {
        let mut sleeper = Wire::over(narrow(server.address, 536)).upgraded().seated("asleep");
        let mut talker = Wire::join(server.address, "asleep");
        let is_over = AtomicBool::new(false);
        let said = thread::scope(|scope| {
            let (mut talk, is_over) = (talker.stream.try_clone().unwrap(), &is_over);
            let talking = scope.spawn(move || {
                let is_said = |n: &usize| talk.write_all(&frame(TEXT, offer(*n).as_bytes())).is_ok();
                (0..10_000).take_while(|_| !is_over.load(Ordering::Relaxed)).take_while(is_said).count()
            });
            assert_eq!(talker.frame().text(), BYE);
            assert_eq!(talker.frame().close_code(), 1000);
            is_over.store(true, Ordering::Relaxed);
            talking.join().unwrap()
        });
        // Now it reads: what was in its queue, in order, and why there is no more.
        let mut heard = 0;
        let close = loop {
            match sleeper.frame() {
                close if close.first == CLOSE => break close,
                message => assert_eq!(message.text(), offer(heard), "message {heard}"),
            }
            heard += 1;
        };
        assert_eq!((close.close_code(), close.close_reason()), (1008, "too slow"));
        announce(&format!("a reader that does not read: {heard} of {said} messages of 10 KB, then 1008"));
        // It may say goodbye, or not.
        assert!(sleeper.ends());
    });
    assert_eq!(Scrape::of(watched.server.address).get(r#"suzu_queue_overflows_total{queue="client"}"#), 2.0);
    watched.end();
}

/// A client that wants a page and does not take it is let go at the deadline for goodbyes.
#[test]
fn who_asks_and_does_not_read_the_answer_is_let_go_at_the_deadline() {
    let watched = Watched::start(&["--close-timeout-sec", "0.5"]);
    watched.endure("an answer that nobody reads", |server| {
        let before = descriptors(server.pid());
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let mut stream = narrow(server.address, 536);
                stream.write_all(b"GET /suzu.js HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
                stream
            })
            .collect();
        wait_until("all to be taken in", || descriptors(server.pid()) == before + asking.len());
        wait_until("all to be let go, though they are there", || descriptors(server.pid()) == before);
        drop(asking);
    });
    watched.end();
}
