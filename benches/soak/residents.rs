//! Those who stay: they come at the beginning, say something now and then, and go at the end.

use super::{
    common::wire::{BINARY, TEXT},
    door::Door,
    guest::{Guest, Leave, filling},
    scenes::{ayame, groups, mailbox, mesh},
};
use rand::{RngExt, rngs::StdRng};
use suzu::signaling::Dialect;

/// How many there are of each; the larger rooms are larger than any that come and go.
const CROWD: usize = 32;
const MESH: usize = 24;
const PAIRS: usize = 16;
const ALONE: usize = 8;

/// Clients of one dialect, in one room or in many, half of them over TLS.
pub(crate) struct Residents<'a> {
    dialect: Dialect,
    all: Vec<Guest<'a>>,
    said: u64,
}

impl<'a> Residents<'a> {
    pub(crate) fn come(door: &'a Door, random: &mut StdRng, dialect: Dialect) -> Self {
        let room = |number: usize| format!("{}-residents-{}", dialect.name(), number / 2);
        let mut all: Vec<Guest<'a>> = Vec::new();
        for number in 0..Self::count(dialect) {
            // Both of a pair, and every other pair.
            let is_secure = number / 2 % 2 == 1;
            let guest = match dialect {
                Dialect::Ayame => ayame::seated_by(door, random, &room(number), number % 2, is_secure),
                Dialect::Mesh => {
                    let id = format!("p{number}");
                    let (guest, _) = mesh::seated(door, random, "mesh-residents", &id, is_secure);
                    all.iter_mut().for_each(|other| drop(other.told(r#""peer-connected""#)));
                    guest
                }
                Dialect::Mailbox => come_to_mailbox(door, random, &room(number), number, is_secure),
                _ => Guest::come_by(door, random, dialect, "residents", is_secure),
            };
            all.push(guest);
        }
        Self { dialect, all, said: 0 }
    }

    /// How many of them there are.
    pub(crate) fn count(dialect: Dialect) -> usize {
        match dialect {
            Dialect::Ayame | Dialect::Mailbox => 2 * PAIRS,
            Dialect::Mesh => MESH,
            Dialect::Chat | Dialect::Relay => CROWD,
            Dialect::Echo => ALONE,
        }
    }

    /// Somebody says something to all others in the room.
    pub(crate) fn talk(&mut self, random: &mut StdRng) {
        self.said += 1;
        let text = format!("{} {} {}", self.dialect.name(), self.said, filling(random, 600));
        let from = random.random_range(0..self.all.len());
        match self.dialect {
            Dialect::Mesh => mesh::broadcast(&mut self.all, from, &format!("p{from}"), &text),
            Dialect::Chat | Dialect::Relay => {
                let first = if random.random() { TEXT } else { BINARY };
                groups::say_to_all(&mut self.all, from, self.dialect, first, &text);
            }
            _ => self.all.chunks_mut(2).for_each(|pair| exchange(self.dialect, pair, &text)),
        }
    }

    pub(crate) fn leave(mut self, random: &mut StdRng) {
        while let Some(guest) = self.all.pop() {
            match self.dialect {
                Dialect::Mesh => mesh::depart(guest, &format!("p{}", self.all.len()), &mut self.all),
                // The other one is told, and goes as well.
                Dialect::Ayame => {
                    guest.leave(Leave::any(random));
                    let mut other = self.all.pop().unwrap();
                    other.told(r#"{"type":"bye"}"#);
                    other.dismissed(1000);
                }
                _ => guest.leave(Leave::any(random)),
            }
        }
    }
}

/// The first of a pair offers, and the other one has heard of it.
pub(crate) fn come_to_mailbox<'a>(
    door: &'a Door,
    random: &mut StdRng,
    room: &str,
    number: usize,
    is_secure: bool,
) -> Guest<'a> {
    let mut guest = Guest::come_by(door, random, Dialect::Mailbox, room, is_secure);
    let id = number % 2;
    guest.tell(&format!(r#"{{"type":"connect","id":"p{id}"}}"#));
    if id == 0 {
        guest.hear(r#"{"type":"offer"}"#);
        guest.say(r#"{"type":"offer","id":"p0","sdp":"v=0"}"#);
        guest.settle();
    } else {
        guest.hear(r#"{"type":"offer","sdp":"\"v=0\"","target_id":"p0"}"#);
    }
    guest
}

/// Each of a pair says something to the other. Whoever is alone is answered by the server.
pub(crate) fn exchange(dialect: Dialect, pair: &mut [Guest<'_>], text: &str) {
    if let [first, second] = pair
        && dialect != Dialect::Echo
    {
        pass(dialect, first, second, 0, text);
        return pass(dialect, second, first, 1, text);
    }
    for alone in pair {
        alone.say(text);
        alone.hear(&format!("echo:{text}"));
    }
}

/// Number `from` of a pair says something to the other.
fn pass(dialect: Dialect, one: &mut Guest<'_>, other: &mut Guest<'_>, from: usize, text: &str) {
    let to = 1 - from;
    let said = match dialect {
        Dialect::Ayame => format!(r#"{{"type":"offer", "sdp":"{from} {text}"}}"#),
        Dialect::Mesh => {
            let sdp = format!(r#"{{"type":"offer","sdp":"{text}"}}"#);
            format!(r#"{{"type":"offer","from":"p{from}","to":"p{to}","sdp":{sdp}}}"#)
        }
        Dialect::Mailbox => {
            return mailbox::pass(one, &format!("p{from}"), other, &format!("p{to}"), text);
        }
        _ => text.to_owned(),
    };
    one.say(&said);
    other.hear(&said);
    if dialect == Dialect::Chat {
        one.hear(&said);
    }
}
