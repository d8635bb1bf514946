//! Rooms of many whose seats outlive their sockets.

use crate::{
    door::Door,
    guest::{Guest, Leave, filling},
};
use rand::{RngExt, rngs::StdRng};
use suzu::signaling::Dialect::Mesh;

/// Some come one after the other, talk to one and to all, and go.
pub(super) fn party(door: &Door, random: &mut StdRng, room: &str) {
    let mut all = gather(door, random, room, 3);
    for from in 0..all.len() {
        let to = (from + 1) % all.len();
        let kind = ["offer", "answer"][from % 2];
        let text = format!(
            r#"{{"type":"{kind}","from":"p{from}","to":"p{to}","sdp":{{"type":"{kind}","sdp":"{room} {}"}}}}"#,
            filling(random, 4_000)
        );
        all[from].say(&text);
        all[to].hear(&text);
        broadcast(&mut all, from, &format!("p{from}"), room);
    }
    disperse(all, random);
}

/// One is away for a moment: what was said to it waits, in order.
pub(super) fn comes_back(door: &Door, random: &mut StdRng, room: &str) {
    let mut all = gather(door, random, room, 2);
    let session = lose(door, random, room, &mut all);
    let texts = [0, 1, 2].map(|number| {
        let what = format!(r#"{{"candidate":"{room} {number} {}"}}"#, filling(random, 300));
        format!(r#"{{"type":"ice-candidate","from":"p0","to":"gone","candidate":{what}}}"#)
    });
    texts.iter().for_each(|text| all[0].say(text));
    all[0].settle();
    let mut back = Guest::come(door, random, Mesh, room);
    back.tell(&format!(r#"{{"type":"connect","room":"{room}","id":"gone","session":"{session}"}}"#));
    back.told(r#""resumed":true"#);
    texts.iter().for_each(|text| back.hear(text));
    all.push(back);
    broadcast(&mut all, 2, "gone", room);
    depart(all.pop().unwrap(), "gone", &mut all);
    disperse(all, random);
}

/// One goes for good without a word: the others hear of it when its grace is over, or are gone themselves by then.
pub(super) fn lost(door: &Door, random: &mut StdRng, room: &str) {
    let mut all = gather(door, random, room, 2);
    lose(door, random, room, &mut all);
    broadcast(&mut all, 0, "p0", room);
    if random.random() {
        for other in &mut all {
            let news = other.told(r#""peer-disconnected""#);
            assert!(news.contains(r#""id":"gone""#) && news.contains(r#""reason":"lost""#), "{news}");
        }
    }
    disperse(all, random);
}

/// Comes and loses its connection; what its session is.
fn lose(door: &Door, random: &mut StdRng, room: &str, others: &mut [Guest<'_>]) -> String {
    let is_secure = random.random();
    let (gone, session) = seated(door, random, room, "gone", is_secure);
    others.iter_mut().for_each(|other| drop(other.told(r#""peer-connected""#)));
    if random.random() {
        gone.leave(Leave::Fin)
    } else {
        gone.vanish();
        // The server may be in a turn that began before, and read more in it. Once it has answered, the next turn has the RST.
        (0..2).for_each(|_| others[0].settle());
    }
    session
}

/// So many in a room; all know of each other.
fn gather<'a>(door: &'a Door, random: &mut StdRng, room: &str, count: usize) -> Vec<Guest<'a>> {
    let mut all = Vec::new();
    for number in 0..count {
        let is_secure = random.random();
        let (guest, _) = seated(door, random, room, &format!("p{number}"), is_secure);
        all.iter_mut().for_each(|other: &mut Guest<'_>| drop(other.told(r#""peer-connected""#)));
        all.push(guest);
    }
    all
}

/// A client in its seat, and its session.
pub(crate) fn seated<'a>(
    door: &'a Door,
    random: &mut StdRng,
    room: &str,
    id: &str,
    is_secure: bool,
) -> (Guest<'a>, String) {
    let mut guest = Guest::come_by(door, random, Mesh, room, is_secure);
    guest.tell(&format!(r#"{{"type":"connect","room":"{room}","id":"{id}"}}"#));
    let connected: serde_json::Value = serde_json::from_str(&guest.told(r#""type":"connected""#)).unwrap();
    assert!(connected["resumed"].is_null(), "{connected}");
    (guest, connected["session"].as_str().unwrap().to_owned())
}

/// One says something to all others.
pub(crate) fn broadcast(all: &mut [Guest<'_>], from: usize, id: &str, data: &str) {
    let text = format!(r#"{{"type":"message","from":"{id}","data":"{data}"}}"#);
    all[from].say(&text);
    for (_, other) in all.iter_mut().enumerate().filter(|(at, _)| *at != from) {
        other.hear(&text);
    }
}

/// Leaves in an orderly way; the others are told.
pub(crate) fn depart(mut guest: Guest<'_>, id: &str, others: &mut [Guest<'_>]) {
    guest.settle();
    guest.tell(r#"{"type":"disconnect"}"#);
    guest.dismissed(1000);
    for other in others {
        let news = other.told(r#""peer-disconnected""#);
        assert!(news.contains(&format!(r#""id":"{id}""#)), "{news}");
    }
}

/// All go: some say so, and of others their absence is all that is left for a while.
fn disperse(mut all: Vec<Guest<'_>>, random: &mut StdRng) {
    let mut number = all.len();
    while let Some(guest) = all.pop() {
        number -= 1;
        match random.random_range(0..4) {
            0 => guest.leave(Leave::any(random)),
            _ => depart(guest, &format!("p{number}"), &mut all),
        }
    }
}
