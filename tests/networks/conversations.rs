//! A conversation in each dialect over bad links: every message arrives once, in order and unchanged, and nobody is let go for pongs that
//! are late.

use crate::{
    common::{
        announce,
        link::{BAD, Far},
        netns::is_alone,
        server::TestServer,
        wire::Wire,
    },
    hear, start,
};
use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

/// So many messages each way.
const MESSAGES: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);

/// How two come to talk in a dialect.
struct Talk {
    path: &'static str,
    /// What each says first, and how many answers it gets until the other is seated.
    hellos: [(&'static str, usize); 2],
    message: fn(from: usize, n: usize) -> String,
    /// Who hears what somebody says.
    hears: fn(to: usize, from: usize) -> bool,
}

const NO_HELLOS: [(&str, usize); 2] = [("", 0); 2];

fn plain(from: usize, n: usize) -> String {
    format!("{from} says {n}")
}

fn other(to: usize, from: usize) -> bool {
    to != from
}

const TALKS: [Talk; 5] = [
    Talk {
        path: "/signaling",
        hellos: [(r#"{"type":"register","roomId":"door"}"#, 1); 2],
        message: |from, n| format!(r#"{{"type":"candidate","ice":"{from} {n}"}}"#),
        hears: other,
    },
    Talk {
        path: "/mesh",
        hellos: [
            (r#"{"type":"connect","room":"door","id":"0"}"#, 2),
            (r#"{"type":"connect","room":"door","id":"1"}"#, 1),
        ],
        message: |from, n| {
            let to = 1 - from;
            format!(r#"{{"type":"message","from":"{from}","to":"{to}","data":{n}}}"#)
        },
        hears: other,
    },
    Talk { path: "/relay?room=door", hellos: NO_HELLOS, message: plain, hears: other },
    Talk { path: "/chat?room=door", hellos: NO_HELLOS, message: plain, hears: |_, _| true },
    Talk { path: "/echo", hellos: NO_HELLOS, message: plain, hears: |to, from| to == from },
];

/// A client over there that has a WebSocket on this path.
fn open(far: &Far, server: &TestServer, path: &str) -> Wire<TcpStream> {
    let wire = Wire::over(far.tcp(server.address.port()));
    wire.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    wire.upgraded_at(path)
}

/// Both say all at once; each hears all that it should, in order, and nothing else.
fn all_is_heard(talk: &Talk, wires: &mut [Wire<TcpStream>; 2]) {
    for n in 0..MESSAGES {
        for (from, wire) in wires.iter_mut().enumerate() {
            wire.text(&(talk.message)(from, n));
        }
    }
    for (to, wire) in wires.iter_mut().enumerate() {
        let speakers: Vec<_> = (0..2).filter(|from| (talk.hears)(to, *from)).collect();
        let mut next = [0, 0];
        for _ in 0..speakers.len() * MESSAGES {
            let heard = hear(wire);
            let heard = heard.strip_prefix("echo:").unwrap_or(&heard);
            let is_next = |from: &&usize| heard == (talk.message)(**from, next[**from]);
            let from = speakers.iter().find(is_next);
            let from = *from.unwrap_or_else(|| panic!("{}: {heard} does not come next: {next:?}", talk.path));
            next[from] += 1;
        }
    }
}

#[test]
fn every_message_arrives_once_and_in_order_over_a_link_that_loses_a_tenth() {
    if !is_alone("conversations::every_message_arrives_once_and_in_order_over_a_link_that_loses_a_tenth") {
        return;
    }
    let (Some(mut one), Some(mut two)) = (Far::away(2), Far::away(3)) else { return };
    let (server, _) = start(&["--websocket-ping-interval-sec", "1", "--websocket-pong-timeout-sec", "20"]);
    one.set(BAD);
    two.set(BAD);
    for talk in TALKS {
        let begin = Instant::now();
        let mut wires = [&one, &two].map(|far| open(far, &server, talk.path));
        for (wire, (hello, answers)) in wires.iter_mut().zip(talk.hellos) {
            if !hello.is_empty() {
                wire.text(hello);
            }
            // What tells of the other comes when it is there.
            (0..answers.min(1)).for_each(|_| drop(hear(wire)));
        }
        for (wire, (_, answers)) in wires.iter_mut().zip(talk.hellos) {
            (1..answers).for_each(|_| drop(hear(wire)));
        }
        let seated = begin.elapsed();
        all_is_heard(&talk, &mut wires);
        let took = begin.elapsed() - seated;
        announce(&format!(
            "{}: both seated in {seated:.2?}, {MESSAGES} messages of each in {took:.2?}",
            talk.path
        ));
    }
    for far in [&mut one, &mut two] {
        let counts = far.counts();
        assert!(counts.lost > 0 && counts.overtaken > 0, "the link was good: {counts:?}");
    }
    assert!(!server.log().contains("closed with"), "{}", server.log());
}

/// The mailbox: what the one has left, the other gets, and the answer comes back.
#[test]
fn a_mailbox_is_filled_and_emptied_over_links_that_lose_a_tenth() {
    if !is_alone("conversations::a_mailbox_is_filled_and_emptied_over_links_that_lose_a_tenth") {
        return;
    }
    let (Some(mut one), Some(mut two)) = (Far::away(2), Far::away(3)) else { return };
    let (server, _) = start(&[]);
    one.set(BAD);
    two.set(BAD);
    let mut offerer = open(&one, &server, "/ws?room=door");
    offerer.text(r#"{"type":"connect","id":"a"}"#);
    assert_eq!(hear(&mut offerer), r#"{"type":"offer"}"#);
    offerer.text(r#"{"type":"offer","id":"a","sdp":"v=0"}"#);
    for n in 0..MESSAGES {
        offerer.text(&format!(r#"{{"type":"candidateAdd","id":"a","candidate":{n}}}"#));
    }
    offerer.settle();
    let mut answerer = open(&two, &server, "/ws?room=door");
    answerer.text(r#"{"type":"connect","id":"b"}"#);
    assert_eq!(hear(&mut answerer), r#"{"type":"offer","sdp":"\"v=0\"","target_id":"a"}"#);
    answerer.text(r#"{"type":"answer","id":"b","target_id":"a","sdp":"v=1"}"#);
    assert_eq!(hear(&mut offerer), r#"{"type":"answer","sdp":"\"v=1\""}"#);
    let candidates: Vec<_> = (0..MESSAGES).map(|n| n.to_string()).collect();
    let expected = format!(r#"{{"type":"candidate","candidate":"{}"}}"#, candidates.join("|"));
    assert_eq!(hear(&mut answerer), expected);
}
