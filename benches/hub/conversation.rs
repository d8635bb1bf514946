//! A fixed conversation with the hub alone, to be counted in instructions: `benches/instructions` runs it under callgrind.
//!
//! `conversation ayame 1000`: so many times two come, one offers, the other answers, each has five candidates, both answer three pings, and one leaves.
//! Ids are seeded and time is virtual, so each run does the same. It is an example and not a benchmark because cargo builds
//! examples just as the program that is shipped: with `panic = "abort"`, and from the same libraries.

mod speech;
mod stage;

use speech::Speech;
use stage::Stage;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let speeches = match words.first().map(String::as_str) {
        Some("ayame") => [Speech::Ayame; 2],
        // suzu puts in what one leaves out, and looks at what the other says.
        Some("mesh") => [Speech::MeshWithoutFrom, Speech::MeshWithFrom],
        Some("relay") => [Speech::Relay; 2],
        _ => return usage(),
    };
    let Some(rounds) = words.get(1).and_then(|word| word.parse().ok()) else { return usage() };
    let mut pair = Pair::new(speeches);
    for round in 0..rounds {
        pair.converse(round);
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("conversation ayame|mesh|relay ROUNDS");
    ExitCode::from(2)
}

struct Pair {
    stage: Stage,
    speeches: [Speech; 2],
    /// What either says: an offer or an answer, and a candidate.
    texts: [[String; 2]; 2],
}

impl Pair {
    fn new(speeches: [Speech; 2]) -> Self {
        let [first, second] = speeches;
        let texts = [
            ["offer", "ice-candidate"].map(|kind| text(first, kind, "a", "b")),
            ["answer", "ice-candidate"].map(|kind| text(second, kind, "b", "a")),
        ];
        Self { stage: Stage::new(2, |_| {}), speeches, texts }
    }

    fn converse(&mut self, round: usize) {
        let stage = &mut self.stage;
        let room = format!("room {round}");
        let peers = [("a", self.speeches[0]), ("b", self.speeches[1])].map(|(id, speech)| {
            let peer = stage.reserve();
            speech.join(stage, peer, &speech.entry(&room, id));
            peer
        });
        let mut say = |who: usize, what: usize| {
            assert_eq!(stage.say(peers[who], &self.texts[who][what]), 1, "the other hears it");
        };
        say(0, 0);
        say(1, 0);
        for _ in 0..5 {
            say(0, 1);
            say(1, 1);
        }
        let interval = stage.limits().ping_interval;
        for _ in 0..3 {
            stage.pass(interval);
            assert_ne!(stage.tick_all(), 0, "pings");
            peers.iter().for_each(|peer| stage.pong(*peer));
        }
        self.speeches[0].leave(stage, peers[0]);
        peers.iter().for_each(|peer| stage.release(*peer));
        assert_eq!(stage.len(), 0, "nobody is left");
    }
}

fn text(speech: Speech, kind: &str, from: &str, to: &str) -> String {
    let (kind, bytes) = match (kind, speech) {
        ("ice-candidate", Speech::Ayame) => ("candidate", 200),
        ("ice-candidate", _) => (kind, 200),
        _ => (kind, 3_000),
    };
    let text = speech.message(kind, bytes, from, to);
    if kind == "ice-candidate" { text.replace(r#""sdp":{"#, r#""candidate":{"#) } else { text }
}
