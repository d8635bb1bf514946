//! How long a message and its answer take: pairs of each dialect, plain and over TLS, who do nothing else.

use super::{
    door::Door,
    guest::{Guest, Leave},
    residents::{come_to_mailbox, exchange},
    scenes::{ayame, mesh},
};
use rand::rngs::StdRng;
use std::time::Instant;
use suzu::signaling::Dialect;

/// All kinds: of each dialect, plain and over TLS.
pub(crate) const KINDS: usize = 2 * Dialect::ALL.len();

/// What a kind is called.
pub(crate) fn name(kind: usize) -> String {
    let tls = if kind % 2 == 1 { ", TLS" } else { "" };
    format!("{}{tls}", Dialect::ALL[kind / 2].name())
}

pub(crate) struct Probes<'a> {
    pairs: Vec<Vec<Guest<'a>>>,
    sent: u64,
}

impl<'a> Probes<'a> {
    pub(crate) fn come(door: &'a Door, random: &mut StdRng) -> Self {
        let pairs = (0..KINDS).map(|kind| pair(door, random, kind)).collect();
        Self { pairs, sent: 0 }
    }

    /// How many of them there are.
    pub(crate) fn count(dialect: Dialect) -> usize {
        if dialect == Dialect::Echo { 2 } else { 4 }
    }

    /// One round trip each.
    pub(crate) fn measure(&mut self, door: &Door) {
        for (kind, pair) in self.pairs.iter_mut().enumerate() {
            self.sent += 1;
            let text = format!("{:0200}", self.sent);
            let begin = Instant::now();
            exchange(Dialect::ALL[kind / 2], pair, &text);
            door.round_trips.lock().unwrap().push((kind, begin.elapsed()));
        }
    }

    pub(crate) fn leave(self) {
        for (kind, mut pair) in self.pairs.into_iter().enumerate() {
            let last = pair.pop().unwrap();
            last.leave(Leave::Close);
            for mut other in pair {
                match Dialect::ALL[kind / 2] {
                    Dialect::Ayame => {
                        other.told(r#"{"type":"bye"}"#);
                        other.dismissed(1000);
                    }
                    // Its peer is absent, for a while.
                    _ => other.leave(Leave::Close),
                }
            }
        }
    }
}

fn pair<'a>(door: &'a Door, random: &mut StdRng, kind: usize) -> Vec<Guest<'a>> {
    let (dialect, is_secure) = (Dialect::ALL[kind / 2], kind % 2 == 1);
    let room = format!("probes-{kind}");
    let count = if dialect == Dialect::Echo { 1 } else { 2 };
    let mut pair: Vec<Guest<'a>> = Vec::new();
    for number in 0..count {
        let guest = match dialect {
            Dialect::Ayame => ayame::seated_by(door, random, &room, number, is_secure),
            Dialect::Mesh => mesh::seated(door, random, &room, &format!("p{number}"), is_secure).0,
            Dialect::Mailbox => come_to_mailbox(door, random, &room, number, is_secure),
            _ => Guest::come_by(door, random, dialect, &room, is_secure),
        };
        if dialect == Dialect::Mesh {
            pair.iter_mut().for_each(|other| drop(other.told(r#""peer-connected""#)));
        }
        pair.push(guest);
    }
    pair
}
