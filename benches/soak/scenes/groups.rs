//! Rooms in which everything passes as it is.

use crate::{
    common::wire::{BINARY, TEXT},
    door::Door,
    guest::{Guest, Leave, filling},
};
use rand::{RngExt, rngs::StdRng};
use suzu::signaling::Dialect::{self, Chat, Echo, Relay};

pub(super) fn relay(door: &Door, random: &mut StdRng, room: &str) {
    group(door, random, room, Relay);
}

pub(super) fn chat_and_echo(door: &Door, random: &mut StdRng, room: &str) {
    group(door, random, room, Chat);
    let mut alone = Guest::come(door, random, Echo, room);
    for number in 0..5 {
        let text = format!("{room} {number} {}", filling(random, 500));
        alone.say(&text);
        alone.hear(&format!("echo:{text}"));
    }
    alone.leave(Leave::any(random));
}

/// Some come, each says something, and they go one after the other.
fn group(door: &Door, random: &mut StdRng, room: &str, dialect: Dialect) {
    let count = random.random_range(2..=6);
    let mut all: Vec<_> = (0..count).map(|_| Guest::come(door, random, dialect, room)).collect();
    while !all.is_empty() {
        let from = random.random_range(0..all.len());
        let first = if random.random() { TEXT } else { BINARY };
        let text = format!("{room} {} {}", all.len(), filling(random, 3_000));
        say_to_all(&mut all, from, dialect, first, &text);
        let guest = all.swap_remove(from);
        match Leave::any(random) {
            // It might take a moment, in which it would still be told something.
            Leave::Reset if !all.is_empty() => guest.leave(Leave::Fin),
            how => guest.leave(how),
        }
    }
}

pub(crate) fn say_to_all(all: &mut [Guest<'_>], from: usize, dialect: Dialect, first: u8, text: &str) {
    all[from].say_frame(first, text.as_bytes());
    for (at, other) in all.iter_mut().enumerate() {
        if at != from || dialect == Chat {
            other.hear_frame(first, text.as_bytes());
        }
    }
}
