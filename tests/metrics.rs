//! What is counted: conversations with the real server, and the exact values that come of them.

mod common;

use common::{
    access::{connect_from, is_served, private_file},
    scrape::{Scrape, scrape_until},
    server::{TempDir, TestServer, wait_until},
    wire::{BINARY, HANDSHAKE, TEXT, Wire, frame},
};
use socket2::SockRef;
use std::{collections::BTreeMap, time::Duration};

/// All that is counted of messages.
const MESSAGES: [&str; 4] = [
    "suzu_messages_received_total",
    "suzu_messages_received_bytes_total",
    "suzu_messages_sent_total",
    "suzu_messages_sent_bytes_total",
];

/// Nobody is pinged meanwhile.
const QUIET: [&str; 2] = ["--websocket-ping-interval-sec", "50"];

fn start(args: &[&str]) -> TestServer {
    TestServer::start(&[&QUIET[..], args].concat())
}

fn open(server: &TestServer, path: &str) -> Wire {
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    wire
}

/// Messages of one dialect that went one way, added up by their type.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, (usize, usize)>);

impl Tally {
    fn add(&mut self, kind: &'static str, text: &str) {
        let (count, bytes) = self.0.entry(kind).or_default();
        *count += 1;
        *bytes += text.len();
    }

    /// The series that a server must have.
    fn series(&self, dialect: &str, way: &str) -> BTreeMap<String, f64> {
        let of = |(kind, (count, bytes)): (&&str, &(usize, usize))| {
            let labels = format!("{{dialect=\"{dialect}\",type=\"{kind}\"}}");
            [
                (format!("suzu_messages_{way}_total{labels}"), *count as f64),
                (format!("suzu_messages_{way}_bytes_total{labels}"), *bytes as f64),
            ]
        };
        self.0.iter().flat_map(of).collect()
    }
}

/// A client and what was said on its connection.
struct Talker<'a> {
    wire: Wire,
    said: &'a std::cell::RefCell<Tally>,
    heard: &'a std::cell::RefCell<Tally>,
}

impl Talker<'_> {
    fn says(&mut self, kind: &'static str, text: &str) {
        self.wire.text(text);
        self.said.borrow_mut().add(kind, text);
    }

    fn hears(&mut self, kind: &'static str) -> String {
        let text = self.wire.frame().text().to_owned();
        assert!(text.contains(&format!(r#""type":"{kind}""#)), "{kind} was to come: {text}");
        self.heard.borrow_mut().add(kind, &text);
        text
    }
}

/// The differences between two sets of series, for a message.
fn assert_series(mut actual: BTreeMap<String, f64>, expected: BTreeMap<String, f64>) {
    let missing: Vec<_> =
        expected.iter().filter(|(series, value)| actual.remove(*series) != Some(**value)).collect();
    assert!(missing.is_empty() && actual.is_empty(), "should be: {missing:?}\nmust not be: {actual:?}");
}

#[test]
fn a_call_is_counted_message_by_message() {
    let server = start(&[]);
    let (said, heard) = Default::default();
    let talker = || Talker { wire: Wire::open(server.address), said: &said, heard: &heard };
    let [mut a, mut b, mut c] = [(); 3].map(|()| talker());
    for client in [&mut a, &mut b] {
        client.says("register", r#"{"type":"register","roomId":"door"}"#);
        client.hears("accept");
    }
    b.says("offer", r#"{"sdp":"v=0 ... ","type":"offer"}"#);
    a.hears("offer");
    a.says("answer", r#"{"type":"answer","sdp":"v=0"}"#);
    b.hears("answer");
    b.says("candidate", r#"{"type":"candidate","ice":{"candidate":"鈴"}}"#);
    a.hears("candidate");
    a.says("pong", r#"{"type":"pong"}"#);
    c.says("register", r#"{"type":"register","roomId":"door","clientId":"third"}"#);
    c.wire.settle();

    let scrape = Scrape::of(server.address);
    let gauges = ["suzu_clients", "suzu_rooms", "suzu_seats"];
    let expected = [("suzu_clients", 3.0), ("suzu_rooms", 1.0), ("suzu_seats", 2.0)];
    let expected = expected.map(|(name, value)| (format!("{name}{{dialect=\"ayame\"}}"), value));
    assert_series(scrape.unlike_zero(&gauges), expected.into());
    assert_eq!(scrape.get("suzu_connections"), 4.0, "this request has a connection, too");
    assert_eq!(scrape.get("suzu_seats_per_room_limit{dialect=\"ayame\"}"), 2.0);
    assert_eq!(scrape.get("suzu_clients_limit"), 256.0);
    assert_eq!(scrape.get("suzu_pings_sent_total"), 2.0, "the seated are asked whether they are alive");

    // Both answer, so that the third gets no seat.
    a.wire.settle();
    b.wire.settle();
    c.hears("reject");
    a.says("bye", r#"{"type":"bye"}"#);
    b.hears("bye");
    let scrape = scrape_until(server.address, "the end", |scrape| scrape.sum("suzu_clients") == 0.0);
    let messages = [said.take().series("ayame", "received"), heard.take().series("ayame", "sent")];
    assert_series(scrape.unlike_zero(&MESSAGES), messages.into_iter().flatten().collect());
    let ends = ["suzu_accepts_total", "suzu_rejects_total", "suzu_closes_total", "suzu_evictions_total"];
    let expected = [
        ("suzu_accepts_total{dialect=\"ayame\"}", 2.0),
        ("suzu_rejects_total{dialect=\"ayame\",reason=\"room-full\"}", 1.0),
        ("suzu_closes_total{reason=\"left\"}", 1.0),
        ("suzu_closes_total{reason=\"rejected\"}", 1.0),
        ("suzu_closes_total{reason=\"room ended\"}", 1.0),
    ];
    assert_series(
        scrape.unlike_zero(&ends),
        expected.map(|(series, value)| (series.to_owned(), value)).into(),
    );
    assert_eq!(scrape.get("suzu_http_responses_total{code=\"101\"}"), 3.0);
    assert_eq!(scrape.get("suzu_pings_received_total"), 3.0);
    let host = "host=\"127.0.0.1:0\"";
    let upgrades = format!("{{code=\"200\",method=\"GET\",{host},url=\"/signaling\"}}");
    assert_eq!(scrape.get(&format!("ayame_requests_total{upgrades}")), 3.0);
    assert_eq!(scrape.get(&format!("ayame_request_duration_seconds_count{upgrades}")), 3.0);
    assert!(scrape.get("suzu_turn_duration_seconds_count") > 10.0 && scrape.get("suzu_uptime_seconds") > 0.0);
}

#[test]
fn a_mesh_room_is_counted_with_what_waits_for_the_absent() {
    let server = start(&["--max-message-bytes", "1024", "--max-queue-bytes", "2048"]);
    let (said, heard) = Default::default();
    let talker = || Talker { wire: open(&server, "/mesh"), said: &said, heard: &heard };
    let [mut x, mut y] = [(); 2].map(|()| talker());
    x.says("connect", r#"{"type":"connect","room":"r","id":"x"}"#);
    x.hears("connected");
    y.says("connect", r#"{"type":"connect","room":"r","id":"y"}"#);
    let connected = y.hears("connected");
    x.hears("peer-connected");
    // Its sender is put in, and so it arrives longer than it was.
    x.says("offer", r#"{"type":"offer","to":"y","sdp":{}}"#);
    assert!(y.hears("offer").starts_with(r#"{"from":"x","#));
    y.says("answer", r#"{"type":"answer","from":"y","to":"x","sdp":{}}"#);
    x.hears("answer");
    x.says("ping", r#"{"type":"ping"}"#);
    x.hears("pong");
    x.says("other", r#"{"type":"shout"}"#);
    x.hears("error");

    drop(y.wire);
    let absent =
        scrape_until(server.address, "an absent seat", |scrape| scrape.get("suzu_absent_seats") == 1.0);
    assert_eq!(absent.get("suzu_seats{dialect=\"mesh\"}"), 2.0);
    assert_eq!(absent.get("suzu_clients{dialect=\"mesh\"}"), 1.0);
    x.says("message", r#"{"type":"message","from":"x","to":"y","data":1}"#);
    x.wire.settle();
    let session = connected.split(r#""session":""#).nth(1).unwrap().split('"').next().unwrap();
    let mut y = talker();
    y.says("connect", &format!(r#"{{"type":"connect","room":"r","id":"y","session":"{session}"}}"#));
    y.hears("connected");
    y.hears("message");

    drop(y.wire);
    scrape_until(server.address, "an absent seat", |scrape| scrape.get("suzu_absent_seats") == 1.0);
    let long = format!(r#"{{"type":"message","from":"x","to":"y","data":"{}"}}"#, "x".repeat(900));
    for _ in 0..3 {
        x.says("message", &long);
    }
    // What has no place is an error, and the news that the seat is gone came before it.
    x.hears("peer-disconnected");
    x.hears("error");
    let scrape = Scrape::of(server.address);
    let messages = [said.take().series("mesh", "received"), heard.take().series("mesh", "sent")];
    assert_series(scrape.unlike_zero(&MESSAGES), messages.into_iter().flatten().collect());
    for (series, expected) in [
        ("suzu_accepts_total{dialect=\"mesh\"}", 2.0),
        ("suzu_resumes_total", 1.0),
        ("suzu_queue_overflows_total{queue=\"absent\"}", 1.0),
        ("suzu_closes_total{reason=\"connection lost\"}", 2.0),
    ] {
        assert_eq!(scrape.get(series), expected, "{series}");
    }
}

#[test]
fn who_loses_its_seat_is_counted_by_the_cause() {
    let server = start(&["--eviction-silence-sec", "0.2"]);
    let register = |room: &str, client: &str| {
        let mut wire = Wire::open(server.address);
        wire.text(&format!(r#"{{"type":"register","roomId":"{room}","clientId":"{client}"}}"#));
        wire
    };
    let accepted = |mut wire: Wire| {
        assert!(wire.frame().text().contains(r#""type":"accept""#));
        wire
    };
    let _phone = accepted(register("returned", "phone"));
    let _again = accepted(register("returned", "phone"));
    let _silent = [accepted(register("silent", "a")), accepted(register("silent", "b"))];
    let _newcomer = accepted(register("silent", "c"));
    let connect = |session: &str| {
        let mut wire = open(&server, "/mesh");
        wire.text(&format!(r#"{{"type":"connect","room":"r","id":"x"{session}}}"#));
        let connected = wire.frame().text().to_owned();
        let session = connected.split(r#""session":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        (wire, session)
    };
    let (_old, session) = connect("");
    let _new = connect(&format!(r#","session":"{session}""#));
    let scrape = Scrape::of(server.address);
    for (dialect, cause) in [("ayame", "returned"), ("ayame", "silent"), ("mesh", "returned")] {
        let series = format!("suzu_evictions_total{{dialect=\"{dialect}\",cause=\"{cause}\"}}");
        assert_eq!(scrape.get(&series), 1.0, "{series}");
    }
    assert_eq!(scrape.get("suzu_closes_total{reason=\"evicted\"}"), 3.0);
}

#[test]
fn connections_that_are_not_kept_are_counted_by_the_reason() {
    let server = start(&["--max-connections-per-address", "2"]);
    let _kept = [Wire::open(server.address), Wire::open(server.address)];
    assert!(!is_served(Wire::connect(server.address)));
    let refused = |server: &TestServer, reason: &str| {
        let mut wire = connect_from([127, 0, 0, 9], server.address);
        wire.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = String::from_utf8(wire.rest()).unwrap();
        let (_, text) = answer.split_once("\r\n\r\n").unwrap();
        Scrape::read(text).get(&format!("suzu_connections_refused_total{{reason=\"{reason}\"}}"))
    };
    assert_eq!(refused(&server, "too-many"), 1.0);
    let args = ["--max-clients", "1", "--max-pending-connections", "2", "--head-timeout-sec", "3600"];
    let server = start(&args);
    let _idle: Vec<_> = (0..5).map(|_| Wire::connect(server.address)).collect();
    wait_until("the first ones to give way", || refused(&server, "displaced") >= 2.0);
}

#[test]
fn plain_messages_are_counted_by_their_frames() {
    let server = start(&[]);
    let mut echo = open(&server, "/echo");
    echo.text("hi");
    assert_eq!(echo.frame().text(), "echo:hi");
    echo.send(&frame(BINARY, &[1, 2, 3]));
    echo.frame();
    let mut pair = [(); 2].map(|()| open(&server, "/chat?room=r"));
    pair[0].text("hello");
    pair.iter_mut().for_each(|wire| assert_eq!(wire.frame().text(), "hello"));
    let scrape = Scrape::of(server.address);
    let expected = [
        ("received", "echo", "text", 1.0, 2.0),
        ("received", "echo", "binary", 1.0, 3.0),
        ("received", "chat", "text", 1.0, 5.0),
        ("sent", "echo", "text", 1.0, 7.0),
        ("sent", "echo", "binary", 1.0, 8.0),
        ("sent", "chat", "text", 2.0, 10.0),
    ];
    let series = expected.into_iter().flat_map(|(way, dialect, kind, count, bytes)| {
        let labels = format!("{{dialect=\"{dialect}\",type=\"{kind}\"}}");
        [
            (format!("suzu_messages_{way}_total{labels}"), count),
            (format!("suzu_messages_{way}_bytes_total{labels}"), bytes),
        ]
    });
    assert_series(scrape.unlike_zero(&MESSAGES), series.collect());
    assert_eq!(scrape.get("suzu_seats{dialect=\"chat\"}"), 2.0);
}

#[test]
fn every_end_of_a_session_is_counted_once() {
    let server = start(&["--max-message-bytes", "1024", "--register-timeout-sec", "0.3"]);
    let mut sessions = 0.0;
    let mut ends = |path: &str, reason: &str, act: &dyn Fn(&mut Wire)| {
        let mut wire = open(&server, path);
        act(&mut wire);
        sessions += 1.0;
        let series = format!("suzu_closes_total{{reason=\"{reason}\"}}");
        let scrape = scrape_until(server.address, reason, |scrape| scrape.get(&series) == 1.0);
        assert_eq!(scrape.sum("suzu_closes_total"), sessions, "{reason}");
        assert_eq!(scrape.sum("suzu_clients"), 0.0, "{reason}");
    };
    let ayame = "/signaling";
    ends(ayame, "unknown message type", &|wire| wire.text(r#"{"type":"shout"}"#));
    ends(ayame, "a message before accept", &|wire| wire.text(r#"{"type":"offer"}"#));
    ends(ayame, "binary message", &|wire| wire.send(&frame(BINARY, b"{}")));
    ends(ayame, "no register in time", &|_| {});
    ends("/echo", "protocol error", &|wire| wire.send(&[0x81, 1, b'x']));
    ends("/echo", "text that is not UTF-8", &|wire| wire.send(&frame(TEXT, b"\xff")));
    ends("/echo", "message too large", &|wire| wire.send(&frame(TEXT, &[b'x'; 1025])));
    ends("/echo", "closed by the client", &|wire| wire.send(&frame(0x88, b"\x03\xe8")));
    ends("/echo", "connection lost", &|wire| {
        SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).unwrap();
        wire.stream = common::wire::tcp(server.address);
    });
    let scrape = Scrape::of(server.address);
    assert_eq!(scrape.get("suzu_http_responses_total{code=\"101\"}"), sessions);
}

#[test]
fn a_client_that_does_not_read_is_counted() {
    let server = start(&["--max-message-bytes", "1024", "--max-queue-bytes", "2048"]);
    let mut slow = open(&server, "/relay");
    let mut fast = open(&server, "/relay");
    // Nobody reads what comes to `slow`, until its socket is full and then its queue.
    let text = "x".repeat(1_000);
    for _ in 0..100 {
        (0..2_000).for_each(|_| fast.text(&text));
        fast.settle();
        if Scrape::of(server.address).get("suzu_queue_overflows_total{queue=\"client\"}") > 0.0 {
            break;
        }
    }
    let scrape = Scrape::of(server.address);
    assert_eq!(scrape.get("suzu_queue_overflows_total{queue=\"client\"}"), 1.0);
    assert_eq!(scrape.get("suzu_closes_total{reason=\"queue full\"}"), 1.0);
    // What it was sent is what it finds when it reads at last.
    let heard = std::iter::from_fn(|| slow.next_frame()).filter(|frame| frame.first == TEXT).count();
    let sent = scrape.get("suzu_messages_sent_total{dialect=\"relay\",type=\"text\"}");
    assert_eq!(sent, heard as f64);
}

#[test]
fn a_client_that_says_too_much_is_counted() {
    let server = start(&["--max-messages-per-second", "1"]);
    let mut fast = open(&server, "/echo");
    (0..30).for_each(|_| fast.text("x"));
    let scrape =
        scrape_until(server.address, "a pause", |scrape| scrape.get("suzu_throttled_clients") == 1.0);
    assert!(scrape.get("suzu_throttles_total{limit=\"messages\"}") > 0.0);
}

#[test]
fn who_is_not_let_in_is_counted_by_the_reason() {
    let dir = TempDir::new();
    let file = private_file(&dir, "suzu.conf", "signaling_key = open sesame\n");
    let server = start(&["-C", &file, "--allow-from", "127.0.0.1", "--allow-metrics-from", "127.0.0.1"]);
    let mut wire = Wire::open(server.address);
    wire.text(r#"{"type":"register","roomId":"door","key":"wrong"}"#);
    assert!(wire.frame().text().contains("unauthorized"));
    let asked = Wire::connect(server.address)
        .exchange(format!("GET /chat HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    assert!(asked.starts_with("HTTP/1.1 401 "), "{asked}");
    assert!(connect_from([127, 0, 0, 2], server.address).ends());
    let scrape = Scrape::of(server.address);
    for (series, expected) in [
        ("suzu_rejects_total{dialect=\"ayame\",reason=\"unauthorized\"}", 1.0),
        ("suzu_credentials_refused_total{reason=\"wrong-key\"}", 1.0),
        ("suzu_credentials_refused_total{reason=\"missing\"}", 1.0),
        ("suzu_http_responses_total{code=\"401\"}", 1.0),
        ("suzu_connections_refused_total{reason=\"network\"}", 1.0),
        ("suzu_connections_accepted_total", 3.0),
    ] {
        assert_eq!(scrape.get(series), expected, "{series}");
    }
}

#[test]
fn nothing_that_a_client_makes_up_becomes_a_label() {
    let server = start(&[]);
    for n in 0..60 {
        let status = ["GET", "POST", "BREW"][n % 3];
        let request = format!("{status} /path-{n} HTTP/1.1\r\nHost: box{n}.local\r\n\r\n");
        Wire::connect(server.address).exchange(request.as_bytes());
        let mut wire = open(&server, "/mesh");
        wire.text(&format!(r#"{{"type":"made-up-{n}","room":"made-up-{n}","id":"made-up-{n}"}}"#));
        wire.frame();
        Wire::connect(server.address).exchange(&[b'x'; 9_000]);
    }
    let scrape = Scrape::of(server.address);
    for word in ["made-up", "path-", ".local", "BREW"] {
        assert!(!scrape.text.contains(word), "{word} in {}", scrape.text);
    }
    assert!(scrape.all("ayame_requests_total").count() < 8, "{}", scrape.text);
}
