//! Anything a socket can send ends at worst that one connection: with a status or a close code, and one line in the log.

mod common;

use common::{
    scene::{Scene, random_bytes},
    wire::{BINARY, CLOSE, HANDSHAKE, PING, PONG, TEXT, frame},
};
use std::{
    collections::BTreeSet,
    io::Write,
    net::Shutdown,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// A fragment of text that is not the last.
const TEXT_BEGINS: u8 = 0x01;
/// The last fragment.
const CONTINUES: u8 = 0x80;

/// What is no request, and the status that it gets.
fn broken_requests() -> Vec<(String, Vec<u8>, u16)> {
    let mut cases = Vec::new();
    let alert = if cfg!(feature = "tls") { ALERT } else { 400 };
    for seed in 0..8 {
        let bytes = random_bytes(seed, 600);
        cases.push((format!("random bytes, seed {seed}"), bytes.clone(), 400));
        let hello = [&[0x16], &bytes[..]].concat();
        cases.push((format!("a TLS hello and random bytes, seed {seed}"), hello, alert));
    }
    let head = |headers: &str| format!("GET /.ok HTTP/1.1\r\nHost: a\r\n{headers}\r\n").into_bytes();
    cases.push(("a header of 100 KB".to_owned(), head(&format!("Cookie: {}\r\n", "x".repeat(100_000))), 431));
    cases.push(("65 headers".to_owned(), head(&"X: y\r\n".repeat(64)), 431));
    cases
}

/// Stands for an alert of TLS, where others get a status.
const ALERT: u16 = 0;

/// What breaks the rules of WebSocket, and the code that the close frame says.
fn broken_frames() -> Vec<(&'static str, Vec<u8>, u16)> {
    let fragments = |first: &[u8], last: &[u8]| [frame(TEXT_BEGINS, first), frame(CONTINUES, last)].concat();
    let huge = [&[TEXT, 0xff][..], &(1u64 << 62).to_be_bytes(), &[1, 2, 3, 4]].concat();
    vec![
        ("unmasked", vec![TEXT, 2, b'{', b'}'], 1002),
        ("a reserved bit", frame(TEXT | 0x40, b"{}"), 1002),
        ("a reserved opcode", frame(0x83, b"{}"), 1002),
        ("a reserved control opcode", frame(0x8b, b""), 1002),
        ("a continuation of nothing", frame(CONTINUES, b"{}"), 1002),
        ("a message within a message", [frame(TEXT_BEGINS, b"{"), frame(TEXT, b"{}")].concat(), 1002),
        ("a ping in fragments", frame(0x09, b"?"), 1002),
        ("a ping of 126 bytes", frame(PING, &[b'?'; 126]), 1002),
        ("a frame of 2^62 bytes", huge, 1009),
        ("a message of 65,537 bytes", frame(TEXT, &[b' '; 65_537]), 1009),
        ("fragments of 80,000 bytes", fragments(&[b' '; 40_000], &[b' '; 40_000]), 1009),
        ("text that is not UTF-8", frame(TEXT, b"{\"type\":\"\xff\xfe\"}"), 1007),
        ("a character that its fragments break", fragments(b"{\xe3\x81", b"}"), 1007),
        ("a character that does not end", frame(TEXT, b"\xe3\x81"), 1007),
        ("a binary message", frame(BINARY, b"\0\x01"), 1003),
        ("a close with half a code", frame(CLOSE, &[3]), 1002),
        ("a close with a code that nobody may send", frame(CLOSE, &999u16.to_be_bytes()), 1002),
        ("a close with a reason that is not UTF-8", frame(CLOSE, b"\x03\xe8\xff"), 1007),
    ]
}

#[test]
fn what_is_no_request_is_answered_with_a_status() {
    let scene = Scene::new(&[]);
    for (name, bytes, status) in broken_requests() {
        let answer = scene.connect().exchange(&bytes);
        let beginning = if status == ALERT { "\x15\x03".to_owned() } else { format!("HTTP/1.1 {status} ") };
        assert!(answer.starts_with(&beginning), "{name} got {answer:?}");
    }
    scene.end();
}

#[test]
fn what_is_no_request_gets_one_line_in_the_log() {
    let mut scene = Scene::new(&[]);
    let wrong: Vec<_> = broken_requests()
        .into_iter()
        .filter_map(|(name, bytes, _)| {
            let before = scene.faults().len();
            scene.connect().exchange(&bytes);
            let lines = scene.faults().split_off(before);
            (lines.len() != 1).then_some((name, lines))
        })
        .collect();
    assert!(wrong.is_empty(), "not one line for {wrong:#?}");
    scene.end();
}

#[test]
fn half_a_head_and_then_silence_gets_408_and_one_line_in_the_log() {
    let mut scene = Scene::new(&["--head-timeout-sec", "0.2"]);
    let answer = scene.connect().exchange(b"GET /signaling HTTP/1.1\r\nHost: a\r\nUpgr");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    let faults = scene.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    scene.end();
}

#[test]
fn a_connection_that_says_nothing_is_closed_without_an_answer() {
    let scene = Scene::new(&["--head-timeout-sec", "0.2"]);
    assert_eq!(scene.connect().exchange(b""), "");
    scene.end();
}

#[test]
fn a_request_that_cannot_be_served_is_told_what_would_be_right() {
    let scene = Scene::new(&[]);
    let upgrade = |from: &str, to: &str| {
        assert!(from.is_empty() || HANDSHAKE.contains(from));
        format!("GET /signaling HTTP/1.1\r\nHost: a\r\n{}\r\n", HANDSHAKE.replacen(from, to, 1))
    };
    let version = "\r\nSec-WebSocket-Version: 13\r\n";
    for (request, status, header) in [
        ("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 404, "\r\nConnection: close\r\n"),
        ("POST /.ok HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405, "\r\nAllow: GET, HEAD\r\n"),
        ("POST /signaling HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405, "\r\nAllow: GET"),
        ("GET /signaling HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 426, version),
        ("GET /signaling HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 426, "\r\nUpgrade: websocket\r\n"),
        (upgrade("Version: 13", "Version: 8"), 426, version),
        (upgrade("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400, "\r\nConnection: close\r\n"),
        (upgrade("Connection: Upgrade", "Connection: close"), 400, "\r\nConnection: close\r\n"),
        (upgrade("", "").replace("Host: a\r\n", ""), 400, "\r\nConnection: close\r\n"),
        (upgrade("", "Host: b\r\n"), 400, "\r\nConnection: close\r\n"),
    ] {
        let answer = scene.connect().exchange(request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request} got {answer}");
        assert!(answer.contains(header), "{header:?} is missing in {answer}");
    }
    scene.end();
}

#[test]
fn a_handshake_and_a_register_in_single_bytes_are_understood() {
    let scene = Scene::new(&[]);
    let mut wire = scene.connect();
    let head = format!("GET /signaling HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n");
    let register = frame(TEXT, br#"{"type":"register","roomId":"bytes"}"#);
    for byte in head.bytes().chain(register) {
        wire.send(&[byte]);
    }
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    assert!(wire.frame().text().contains("accept"));
    scene.end();
}

#[test]
fn frames_right_behind_the_head_are_not_lost() {
    let scene = Scene::new(&[]);
    let mut mate = scene.join("pipelined");
    let mut wire = scene.connect();
    let offer = r#"{"type":"offer","sdp":"v=0"}"#;
    let mut bytes = format!("GET /signaling HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").into_bytes();
    bytes.extend(frame(TEXT, br#"{"type":"register","roomId":"pipelined"}"#));
    bytes.extend(frame(TEXT, offer.as_bytes()));
    wire.send(&bytes);
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    assert!(wire.frame().text().contains("accept"));
    assert_eq!(mate.frame().text(), offer);
    scene.end();
}

#[test]
fn a_message_in_fragments_with_a_ping_between_them_is_understood() {
    let scene = Scene::new(&[]);
    let mut wire = scene.open();
    wire.send(&frame(TEXT_BEGINS, "{\"type\":\"register\",\"roomId\":\"\u{9234}".as_bytes().split_at(30).0));
    wire.send(&frame(PING, b"between"));
    let pong = wire.frame();
    assert_eq!((pong.first, &*pong.payload), (PONG, &b"between"[..]));
    wire.send(&frame(0x00, "{\"type\":\"register\",\"roomId\":\"\u{9234}".as_bytes().split_at(30).1));
    wire.send(&frame(CONTINUES, b"\"}"));
    assert!(wire.frame().text().contains("accept"));
    scene.server.wait_for_log("room=\"\u{9234}\"");
    scene.end();
}

#[test]
fn broken_frames_are_answered_with_their_close_codes() {
    let scene = Scene::new(&[]);
    for (name, bytes, code) in broken_frames() {
        let mut wire = scene.open();
        wire.send(&bytes);
        assert_eq!(wire.frame().close_code(), code, "{name}");
        // It may have closed its side already.
        let _ = wire.stream.write_all(&frame(CLOSE, &code.to_be_bytes()));
        wire.ends();
    }
    scene.end();
}

#[test]
fn broken_frames_get_one_line_in_the_log() {
    let mut scene = Scene::new(&[]);
    let mut cases = broken_frames();
    let misspoken = || frame(TEXT, b"hello");
    cases.push(("no message", misspoken(), 1000));
    cases.push(("no message, and then worse", [misspoken(), vec![TEXT, 2, b'{', b'}']].concat(), 1000));
    let wrong: Vec<_> = cases
        .into_iter()
        .filter_map(|(name, bytes, code)| {
            let before = scene.faults().len();
            let mut wire = scene.open();
            wire.send(&bytes);
            assert_eq!(wire.frame().close_code(), code, "{name}");
            drop(wire);
            let lines = scene.faults().split_off(before);
            (lines.len() != 1 || !lines[0].contains(&code.to_string())).then_some((name, lines))
        })
        .collect();
    assert!(wrong.is_empty(), "not one line with the code for {wrong:#?}");
    scene.end();
}

#[test]
fn random_bytes_on_a_websocket_end_that_connection_with_one_line_in_the_log() {
    let mut scene = Scene::new(&[]);
    for seed in 0..64 {
        let mut wire = scene.open();
        wire.send(&random_bytes(seed, 5_000));
        wire.stream.shutdown(Shutdown::Write).unwrap();
        wire.ends();
    }
    let faults = scene.faults();
    let connection =
        |line: &String| line.split(' ').find(|word| word.starts_with("connection=")).unwrap().to_owned();
    let clients: BTreeSet<_> = faults.iter().map(connection).collect();
    assert!(clients.len() > 1 && clients.len() == faults.len(), "more than one line for one: {faults:#?}");
    scene.end();
}

#[test]
fn deep_json_overflows_no_stack() {
    const DEPTH: usize = 60_000;
    let mut scene = Scene::new(&["--max-message-bytes", "1048576", "--max-queue-bytes", "4194304"]);
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
    for (name, value) in [("arrays", deep("[", "]")), ("objects", deep(r#"{"a":"#, "}"))] {
        let mut mate = scene.join(name);
        let mut wire = scene.open();
        wire.text(&format!(r#"{{"type":"register","roomId":"{name}","authnMetadata":{value}}}"#));
        assert!(wire.frame().text().contains("accept"), "{name}");
        let offer = format!(r#"{{"deep":{value},"type":"offer","sdp":"v=0"}}"#);
        wire.text(&offer);
        assert!(mate.frame().text() == offer, "{name} came out differently");
    }
    let in_register = format!(r#"{{"type":"register","roomId":"r","clientId":{}}}"#, deep("[", "]"));
    for text in ["[".repeat(DEPTH), r#"{"a":"#.repeat(DEPTH), deep("[", "]"), in_register] {
        let before = scene.faults().len();
        let mut wire = scene.open();
        wire.text(&text);
        assert_eq!(wire.frame().close_code(), 1000);
        assert_eq!(scene.faults().len(), before + 1);
    }
    scene.end();
}

#[test]
fn a_flood_arrives_whole_and_in_order_while_others_talk() {
    const OFFERS: usize = 200_000;
    const AT_ONCE: usize = 500;
    let offer = |n: usize| format!(r#"{{"type":"offer","n":{n}}}"#);
    let mut scene = Scene::new(&[]);
    let (mut mate, mut flooder) = (scene.join("flood"), scene.join("flood"));
    let mut rounds = 0;
    thread::scope(|scope| {
        let flood = &mut flooder;
        scope.spawn(move || {
            for from in (0..OFFERS).step_by(AT_ONCE) {
                let frames = (from..from + AT_ONCE).flat_map(|n| frame(TEXT, offer(n).as_bytes()));
                flood.send(&frames.collect::<Vec<_>>());
            }
        });
        let reading =
            scope.spawn(|| (0..OFFERS).for_each(|n| assert_eq!(mate.frame().text(), offer(n), "offer {n}")));
        while !reading.is_finished() {
            scene.bystanders.exchange();
            rounds += 1;
        }
    });
    assert!(rounds >= 20, "the bystanders could talk {rounds} times only");
    assert_eq!(scene.faults(), [""; 0]);
    scene.end();
}

#[test]
fn whoever_stops_reading_is_let_go_when_its_queue_is_full() {
    // One that overflows the queue with each read of the server, and one of which many fit into a read.
    for offer_bytes in [60_000, 1_000] {
        let mut scene = Scene::new(&["--max-queue-bytes", "65600", "--max-pending-connections", "8"]);
        let mut sleeper = scene.join("slow");
        let mut talker = scene.join("slow");
        let offer = format!(r#"{{"type":"offer","sdp":"{}"}}"#, "x".repeat(offer_bytes));
        let burst = frame(TEXT, offer.as_bytes()).repeat(60_000 / offer_bytes);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let mut talk = talker.stream.try_clone().unwrap();
            let is_over = &is_over;
            // 120 MB: no system buffers so much.
            let talking = (0..2_000).take_while(|_| !is_over.load(Ordering::Relaxed));
            scope.spawn(move || talking.take_while(|_| talk.write_all(&burst).is_ok()).count());
            assert_eq!(talker.frame().text(), r#"{"type":"bye"}"#);
            assert_eq!(talker.frame().close_code(), 1000);
            is_over.store(true, Ordering::Relaxed);
        });
        scene.bystanders.exchange();
        sleeper.ends();
        let faults = scene.faults();
        assert!(faults.len() == 1 && faults[0].contains("max_queue_bytes"), "{offer_bytes}: {faults:#?}");
        scene.end();
    }
}
