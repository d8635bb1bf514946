//! A browser that gathers hundreds of candidates sends them without waiting: all arrive, once, in order, whoever is away meanwhile.

mod common;

use common::{
    server::TestServer,
    wire::{HANDSHAKE, TEXT, Wire, frame},
};

const CANDIDATES: usize = 300;

fn open(server: &TestServer, path: &str) -> Wire {
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    wire
}

/// A client with a seat in the mesh room `home`, and its session secret.
fn connect(server: &TestServer, id: &str, session: &str) -> (Wire, String) {
    let mut wire = open(server, "/mesh");
    wire.text(&format!(r#"{{"type":"connect","room":"home","id":"{id}","session":"{session}"}}"#));
    let answer: serde_json::Value = serde_json::from_str(wire.frame().text()).unwrap();
    assert_eq!(answer["type"], "connected", "{answer}");
    assert_eq!(answer["resumed"] == true, !session.is_empty(), "{answer}");
    (wire, answer["session"].as_str().unwrap().to_owned())
}

fn candidate(number: usize) -> String {
    let padding = "x".repeat(number % 97);
    format!(
        r#"{{"type":"ice-candidate","from":"door","to":"kitchen","candidate":{{"candidate":"{number} {padding}"}}}}"#
    )
}

/// All candidates in one piece, as fast as a socket takes them.
fn flood(wire: &mut Wire, text: impl Fn(usize) -> String) {
    let frames: Vec<u8> = (0..CANDIDATES).flat_map(|number| frame(TEXT, text(number).as_bytes())).collect();
    wire.send(&frames);
    wire.settle();
}

fn hear_all(wire: &mut Wire) {
    for number in 0..CANDIDATES {
        assert_eq!(wire.frame().text(), candidate(number));
    }
    wire.settle();
}

#[test]
fn mesh_hands_on_300_candidates_in_order() {
    let server = TestServer::start(&[]);
    let (mut kitchen, _) = connect(&server, "kitchen", "");
    let (mut door, _) = connect(&server, "door", "");
    assert_eq!(kitchen.frame().text(), r#"{"type":"peer-connected","peer":{"id":"door"}}"#);
    flood(&mut door, candidate);
    hear_all(&mut kitchen);
}

#[test]
fn mesh_keeps_300_candidates_for_one_who_is_away() {
    let server = TestServer::start(&[]);
    let (kitchen, session) = connect(&server, "kitchen", "");
    let (mut door, _) = connect(&server, "door", "");
    drop(kitchen);
    flood(&mut door, candidate);
    let (mut kitchen, _) = connect(&server, "kitchen", &session);
    hear_all(&mut kitchen);
    door.settle();
}

#[test]
fn mailbox_joins_300_candidates() {
    let server = TestServer::start(&[]);
    let mut offerer = open(&server, "/ws?room=home");
    offerer.text(r#"{"type":"connect","id":"a"}"#);
    assert_eq!(offerer.frame().text(), r#"{"type":"offer"}"#);
    offerer.text(r#"{"type":"offer","id":"a","sdp":"v=0"}"#);
    flood(&mut offerer, |number| format!(r#"{{"type":"candidateAdd","id":"a","candidate":"{number}"}}"#));
    let mut answerer = open(&server, "/ws?room=home");
    answerer.text(r#"{"type":"answer","id":"b","target_id":"a","sdp":"v=0"}"#);
    let joined = (0..CANDIDATES).map(|number| format!("\"{number}\"")).collect::<Vec<_>>().join("|");
    let expected = serde_json::json!({"type": "candidate", "candidate": joined}).to_string();
    let heard: serde_json::Value = serde_json::from_str(answerer.frame().text()).unwrap();
    assert_eq!(heard.to_string(), expected);
}

#[test]
fn a_message_that_grows_on_its_way_reaches_a_client_that_reads() {
    let server = TestServer::start(&["--max-message-bytes", "1984", "--max-queue-bytes", "2048"]);
    let (mut kitchen, _) = connect(&server, "kitchen", "");
    let id = "d".repeat(64);
    let (mut door, _) = connect(&server, &id, "");
    kitchen.frame();
    let head = r#"{"type":"message","to":"kitchen","data":""#;
    let longest = format!(r#"{head}{}"}}"#, "x".repeat(1984 - head.len() - 2));
    for _ in 0..10 {
        // With `from` in front it is longer than the whole queue.
        door.text(&longest);
        assert_eq!(kitchen.frame().text(), longest.replacen('{', &format!(r#"{{"from":"{id}","#), 1));
    }
    door.settle();
}

#[test]
fn a_long_queue_comes_back_whole_over_a_narrow_way() {
    let limits = ["--max-message-bytes", "1984", "--max-queue-bytes", "262144"];
    let server = TestServer::start(&limits);
    let (kitchen, session) = connect(&server, "kitchen", "");
    let (mut door, _) = connect(&server, "door", "");
    drop(kitchen);
    let text = |number: usize| {
        format!(
            r#"{{"type":"message","from":"door","to":"kitchen","data":[{number},"{}"]}}"#,
            "x".repeat(1_900)
        )
    };
    let count = 120;
    for number in 0..count {
        door.text(&text(number));
    }
    door.settle();
    let (mut kitchen, _) = connect(&server, "kitchen", &session);
    for number in 0..count {
        assert_eq!(kitchen.frame().text(), text(number));
    }
    kitchen.settle();
}

#[test]
fn many_long_answers_to_short_messages_all_arrive() {
    let server = TestServer::start(&[]);
    let mut offerer = open(&server, "/ws?room=home");
    offerer.text(r#"{"type":"connect","id":"a"}"#);
    assert_eq!(offerer.frame().text(), r#"{"type":"offer"}"#);
    offerer.text(&format!(r#"{{"type":"candidateAdd","id":"a","candidate":"{}"}}"#, "x".repeat(60_000)));
    offerer.settle();
    let mut answerer = open(&server, "/ws?room=home");
    // 18 MB of answers to 15 KB: far more than a turn, a queue or a socket buffer takes.
    let answers: Vec<u8> = (0..CANDIDATES)
        .flat_map(|_| frame(TEXT, br#"{"type":"answer","id":"b","target_id":"a","sdp":1}"#))
        .collect();
    answerer.send(&answers);
    // Others are served for many turns before it reads anything.
    let mut other = open(&server, "/echo");
    (0..CANDIDATES).for_each(|_| other.settle());
    for _ in 0..CANDIDATES {
        let reply = answerer.frame();
        assert!(reply.text().starts_with(r#"{"type":"candidate","#) && reply.payload.len() > 60_000);
    }
    answerer.settle();
    for _ in 0..CANDIDATES {
        assert_eq!(offerer.frame().text(), r#"{"type":"answer","sdp":"1"}"#);
    }
    offerer.settle();
}
