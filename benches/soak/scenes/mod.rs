//! What happens: each scene is a few clients who come, do something, expect what must come of it, and are gone.

pub(crate) mod ayame;
pub(crate) mod groups;
pub(crate) mod mailbox;
pub(crate) mod mesh;
mod pages;
mod rude;

use super::door::Door;
use rand::{RngExt, rngs::StdRng};

type Scene = fn(&Door, &mut StdRng, &str);

/// All of them, with how often each comes.
const SCENES: [(usize, Scene); 10] = [
    (5, ayame::call),
    (1, ayame::third),
    (3, mesh::party),
    (2, mesh::comes_back),
    (1, mesh::lost),
    (3, mailbox::early),
    (2, groups::relay),
    (1, groups::chat_and_echo),
    (3, pages::some),
    (4, rude::some),
];

/// One of them, in a room of its own name.
pub(crate) fn any(door: &Door, random: &mut StdRng, room: &str) {
    let all: usize = SCENES.iter().map(|(weight, _)| weight).sum();
    let mut at = random.random_range(0..all);
    for (weight, scene) in SCENES {
        if at < weight {
            return scene(door, random, room);
        }
        at -= weight;
    }
}
