//! Calls of two, as Ayame's clients have them.

use crate::{
    door::Door,
    guest::{Guest, Leave, filling},
};
use rand::{RngExt, rngs::StdRng};
use std::{thread, time::Duration};
use suzu::signaling::Dialect::Ayame;

/// Two call each other and one of them goes, well or badly; the other is told.
pub(super) fn call(door: &Door, random: &mut StdRng, room: &str) {
    let mut pair = [0, 1].map(|number| seated(door, random, room, number));
    talk(&mut pair, random, room);
    let [first, mut second] = pair;
    first.leave(Leave::any(random));
    second.told(r#"{"type":"bye"}"#);
    second.dismissed(1000);
}

/// Somebody comes into a room that is full.
pub(super) fn third(door: &Door, random: &mut StdRng, room: &str) {
    let mut pair = [0, 1].map(|number| seated(door, random, room, number));
    let mut third = Guest::come(door, random, Ayame, room);
    register(&mut third, room, 2);
    thread::scope(|scope| {
        let refused = scope.spawn(|| {
            third.told(r#""reason":"full""#);
            third.dismissed(1000);
        });
        // Both are asked whether they are there before the answer comes; they say so.
        while !refused.is_finished() {
            pair.iter_mut().for_each(Guest::settle);
            thread::sleep(Duration::from_millis(5));
        }
    });
    talk(&mut pair, random, room);
    let [first, mut second] = pair;
    second.settle();
    first.leave(Leave::Close);
    second.told(r#"{"type":"bye"}"#);
    second.dismissed(1000);
}

/// A client in its seat.
pub(crate) fn seated<'a>(door: &'a Door, random: &mut StdRng, room: &str, number: usize) -> Guest<'a> {
    let is_secure = random.random();
    seated_by(door, random, room, number, is_secure)
}

pub(crate) fn seated_by<'a>(
    door: &'a Door,
    random: &mut StdRng,
    room: &str,
    number: usize,
    is_secure: bool,
) -> Guest<'a> {
    let mut guest = Guest::come_by(door, random, Ayame, room, is_secure);
    register(&mut guest, room, number);
    guest.told(&format!(r#""isExistUser":{}"#, number == 1));
    guest
}

fn register(guest: &mut Guest<'_>, room: &str, number: usize) {
    guest.tell(&format!(r#"{{"type":"register","roomId":"{room}","clientId":"{room}-{number}"}}"#));
}

/// An offer, an answer, and candidates both ways.
fn talk(pair: &mut [Guest<'_>; 2], random: &mut StdRng, room: &str) {
    let long = filling(random, 4_000);
    for (from, kind) in [(1, "offer"), (0, "answer")] {
        let text = format!(r#"{{"type":"{kind}", "sdp":"{room} {long}"}}"#);
        pair[from].say(&text);
        pair[1 - from].hear(&text);
    }
    for number in 0..10 {
        let from = number % 2;
        let short = filling(random, 200);
        let text = format!(r#"{{"type":"candidate","ice":{{"candidate":"{room} {number} {short}"}}}}"#);
        pair[from].say(&text);
        pair[1 - from].hear(&text);
    }
}
