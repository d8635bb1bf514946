//! Coming and going, beside those who are there.

use crate::{crowd, guest::Guest, speech::Speech, stage::Stage};
use divan::Bencher;
use std::cell::{Cell, RefCell};

/// A WebSocket opens, and its client takes the first seat of a room.
#[divan::bench(args = crowd::DIALECTS, consts = crowd::CLIENTS, sample_size = 32, sample_count = 300)]
fn register<const CLIENTS: usize>(bencher: Bencher<'_, '_>, speech: Speech) {
    let stage = with_crowd(speech, CLIENTS);
    let rooms = Cell::new(0);
    bencher.with_inputs(|| (Guest::new(&stage), speech.entry(&next_room(&rooms), "a"))).bench_local_values(
        |(guest, entry)| {
            guest.join(speech, &entry);
            (guest, entry)
        },
    );
}

/// One of two in a room leaves, and the other is told what its dialect has to say.
#[divan::bench(args = crowd::DIALECTS, consts = crowd::CLIENTS, sample_size = 32, sample_count = 300)]
fn leave<const CLIENTS: usize>(bencher: Bencher<'_, '_>, speech: Speech) {
    let stage = with_crowd(speech, CLIENTS);
    let rooms = Cell::new(0);
    bencher
        .with_inputs(|| {
            let room = next_room(&rooms);
            ["a", "b"].map(|id| {
                let guest = Guest::new(&stage);
                guest.join(speech, &speech.entry(&room, id));
                guest
            })
        })
        .bench_local_values(|guests| {
            guests[0].leave(speech);
            guests
        });
}

fn with_crowd(speech: Speech, clients: usize) -> RefCell<Stage> {
    let mut stage = Stage::new(clients, |_| {});
    crowd::seat(&mut stage, speech, clients);
    RefCell::new(stage)
}

fn next_room(rooms: &Cell<usize>) -> String {
    rooms.set(rooms.get() + 1);
    format!("guests {}", rooms.get())
}
