//! What the time brings, by the number of clients: only a tick of pings is a walk over everyone.

use crate::{crowd, guest::Guest, speech::Speech, stage::Stage};
use divan::{Bencher, counter::ItemsCount};
use std::{cell::RefCell, time::Duration};
use suzu::signaling::{Dialect, Limits, PeerId};

/// So long that it does not come.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// A tick of pings from its first call to its last: two pings for each client of Ayame.
#[divan::bench(args = crowd::CLIENTS, sample_size = 1, sample_count = 200)]
fn ping_everybody(bencher: Bencher<'_, '_>, clients: usize) {
    let (stage, peers) = with_crowd(Speech::Ayame, clients, |_| {});
    let before = Duration::from_millis(1);
    let interval = stage.borrow().limits().ping_interval;
    bencher
        .counter(ItemsCount::new(clients))
        .with_inputs(|| {
            let mut stage = stage.borrow_mut();
            stage.pass(interval - before);
            peers.iter().for_each(|peer| stage.pong(*peer));
            // Whatever else is due.
            stage.tick_all();
            stage.pass(before);
        })
        .bench_local_values(|()| {
            let effects = stage.borrow_mut().tick_all();
            assert_eq!(effects, clients * 2);
        });
}

/// One call of the timer in the course of such a tick: what a turn of the server takes on.
#[divan::bench(args = crowd::CLIENTS, sample_size = 1, sample_count = 1_000)]
fn ping_a_call(bencher: Bencher<'_, '_>, clients: usize) {
    let (stage, _) = with_crowd(Speech::Ayame, clients, be_patient);
    bencher
        .with_inputs(|| {
            let mut stage = stage.borrow_mut();
            if !stage.is_due() {
                let interval = stage.limits().ping_interval;
                stage.pass(interval);
            }
        })
        .bench_local_values(|()| stage.borrow_mut().tick());
}

/// An answer to a ping.
#[divan::bench(args = crowd::CLIENTS, sample_count = 300)]
fn pong(bencher: Bencher<'_, '_>, clients: usize) {
    let (stage, peers) = with_crowd(Speech::Ayame, clients, |_| {});
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 37) % clients;
        stage.borrow_mut().pong(peers[at]);
    });
}

/// The timer goes off for somebody who was heard since: nobody is due.
#[divan::bench(args = crowd::CLIENTS, sample_size = 1, sample_count = 1_000)]
fn nobody_is_due(bencher: Bencher<'_, '_>, clients: usize) {
    let (stage, _) = with_crowd(Speech::Ayame, clients, only_registers);
    bencher
        .with_inputs(|| {
            let guest = Guest::new(&stage);
            guest.join(Speech::Ayame, &Speech::Ayame.entry("guests", "a"));
            let mut stage = stage.borrow_mut();
            let patience = stage.limits().register_timeout;
            stage.pass(patience);
            assert!(stage.is_due());
            drop(stage);
            guest
        })
        .bench_local_values(|guest| {
            assert_eq!(stage.borrow_mut().tick(), 0);
            guest
        });
}

/// One of all these never registers, and is let go.
#[divan::bench(args = crowd::CLIENTS, sample_size = 1, sample_count = 1_000)]
fn one_is_due(bencher: Bencher<'_, '_>, clients: usize) {
    let (stage, _) = with_crowd(Speech::Ayame, clients, only_registers);
    bencher
        .with_inputs(|| {
            let guest = Guest::new(&stage);
            open_late(&stage, &guest);
            guest
        })
        .bench_local_values(|guest| {
            assert_eq!(stage.borrow_mut().tick(), 1);
            guest
        });
}

/// The network is gone: nobody has answered, and all are let go.
#[divan::bench(args = crowd::CLIENTS, sample_size = 1, sample_count = 20)]
fn everybody_is_due(bencher: Bencher<'_, '_>, clients: usize) {
    bencher
        .counter(ItemsCount::new(clients))
        .with_inputs(|| {
            let (stage, _) = with_crowd(Speech::Ayame, clients, |limits| limits.ping_interval = NEVER);
            let mut stage = stage.into_inner();
            let patience = stage.limits().pong_timeout;
            stage.pass(patience);
            stage
        })
        .bench_local_values(|mut stage| {
            stage.tick_all();
            assert_eq!(stage.len(), 0);
            stage
        });
}

/// One seat of mesh has waited for its client long enough, among the seats of all these.
#[divan::bench(args = crowd::CLIENTS, sample_size = 1, sample_count = 1_000)]
fn one_absent_seat_is_due(bencher: Bencher<'_, '_>, clients: usize) {
    let grace = Duration::from_secs(30);
    let (stage, _) = with_crowd(Speech::MeshWithFrom, clients, |limits| {
        be_patient(limits);
        *limits = Limits { ping_interval: NEVER, resume_grace: grace, ..limits.clone() };
    });
    let mut rooms = 0;
    let entry = || {
        rooms += 1;
        Speech::MeshWithFrom.entry(&format!("guests {rooms}"), "a")
    };
    let entry = RefCell::new(entry);
    bencher
        .with_inputs(|| {
            let guest = Guest::new(&stage);
            guest.join(Speech::MeshWithFrom, &(entry.borrow_mut())());
            drop(guest);
            let mut stage = stage.borrow_mut();
            // What else its coming has armed.
            stage.pass(grace / 2);
            stage.tick_all();
            stage.pass(grace / 2);
        })
        .bench_local_values(|()| stage.borrow_mut().tick());
}

fn with_crowd(
    speech: Speech,
    clients: usize,
    changed: impl FnOnce(&mut Limits),
) -> (RefCell<Stage>, Vec<PeerId>) {
    let mut stage = Stage::new(clients, changed);
    let peers = crowd::seat(&mut stage, speech, clients);
    // The crowd's own coming has armed the timers: let them find that nobody is late.
    let registered = stage.limits().register_timeout;
    stage.pass(registered);
    stage.tick_all();
    (RefCell::new(stage), peers)
}

/// Nobody has to answer.
fn be_patient(limits: &mut Limits) {
    *limits = Limits { pong_timeout: NEVER, read_timeout: NEVER, ..limits.clone() };
}

/// Of all times only that of the register comes.
fn only_registers(limits: &mut Limits) {
    be_patient(limits);
    limits.ping_interval = NEVER;
}

/// Opens, and says nothing until it is time to be let go.
fn open_late(stage: &RefCell<Stage>, guest: &Guest<'_>) {
    let mut stage = stage.borrow_mut();
    stage.open(guest.peer(), Dialect::Ayame, "");
    let patience = stage.limits().register_timeout;
    stage.pass(patience);
}
