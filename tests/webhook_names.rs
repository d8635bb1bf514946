//! Where webhooks go: names that do not exist, move, or are looked up by a resolver that hangs, and addresses of which some are dead.

mod webhook_rig;

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};
use suzu::net::webhook::Fault;
use webhook_rig::{OK, Rig, Server, allowed, refusing, status};

#[test]
fn a_name_that_does_not_exist_is_said_to() {
    let mut rig = Rig::new();
    let target = rig.target("http://nothing.invalid:3001/authn");
    let wrong = rig.ask(target).unwrap_err();
    assert!(matches!(wrong, Fault::Unresolved(_)), "{wrong}");
    // Who asks again at once gets what was found, and nobody is bothered.
    rig.post(target, 0);
    assert_eq!(rig.hooks.poll_done().unwrap().result, Err(wrong));
}

#[test]
fn a_port_that_refuses_is_said_to() {
    let mut rig = Rig::new();
    let closed = refusing();
    for url in [format!("http://{closed}/"), format!("http://localhost:{}/", closed.port())] {
        let target = rig.target(&url);
        let wrong = rig.ask(target).unwrap_err();
        assert!(matches!(&wrong, Fault::Unreachable(wrong) if wrong.contains("refused")), "{wrong}");
    }
}

/// The tests that look names up in their own way, one at a time: a look-up is a plain function.
fn in_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|broken| broken.into_inner())
}

static LIVE_PORT: AtomicU16 = AtomicU16::new(0);
static DEAD_PORT: AtomicU16 = AtomicU16::new(0);
static LOOK_UPS: AtomicUsize = AtomicUsize::new(0);

fn local(port: &AtomicU16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port.load(Ordering::SeqCst)).into()
}

#[test]
fn the_next_address_is_tried_when_the_first_is_dead_and_the_one_that_worked_comes_first_then() {
    let _turn = in_turn();
    let server = Server::answering("HTTP/1.1 204 No\r\nConnection: close\r\n\r\n");
    LIVE_PORT.store(server.address.port(), Ordering::SeqCst);
    DEAD_PORT.store(refusing().port(), Ordering::SeqCst);
    // Nobody at all is at the first: 192.0.2.0/24 is for documentation (RFC 5737).
    let lookup = |_: &str, _| Ok(vec![([192, 0, 2, 1], 1).into(), local(&DEAD_PORT), local(&LIVE_PORT)]);
    let mut rig = Rig::new().lookup(lookup);
    let target = rig.target("http://three.test/");
    rig.post(target, 0);
    for _ in 0..3 {
        rig.turn();
    }
    // A third of the time is the first address's.
    rig.skip(Duration::from_millis(1700));
    assert_eq!(status(rig.done().result), 204);
    let asked = rig.now().mono;
    assert_eq!(status(rig.ask(target)), 204);
    assert!(rig.now().mono - asked < Duration::from_millis(1500));
}

#[test]
fn localhost_is_reached_by_either_of_its_addresses() {
    let server = Server::answering(OK);
    let mut rig = Rig::new();
    let target = rig.target(&format!("http://localhost:{}/", server.address.port()));
    assert_eq!(rig.ask(target), allowed());
}

#[test]
fn a_server_that_has_moved_is_looked_up_again() {
    let _turn = in_turn();
    let server = Server::answering(OK);
    LIVE_PORT.store(server.address.port(), Ordering::SeqCst);
    DEAD_PORT.store(refusing().port(), Ordering::SeqCst);
    LOOK_UPS.store(0, Ordering::SeqCst);
    let mut rig = Rig::new().lookup(|_, _| {
        let is_first = LOOK_UPS.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![local(if is_first { &DEAD_PORT } else { &LIVE_PORT })])
    });
    let target = rig.target("http://moving.test/");
    // What was looked up a moment ago is not looked up again.
    let wrong = rig.ask(target).unwrap_err();
    assert!(matches!(wrong, Fault::Unreachable(_)), "{wrong}");
    rig.skip(Duration::from_secs(2));
    assert_eq!(rig.ask(target), allowed());
    assert_eq!(LOOK_UPS.load(Ordering::SeqCst), 2);
    rig.skip(Duration::from_secs(2));
    let now = rig.now();
    rig.hooks.reload(now).unwrap();
    rig.until("the look-up", |_| (LOOK_UPS.load(Ordering::SeqCst) == 3).then_some(()));
    assert_eq!(rig.ask(target), allowed());
}

#[test]
fn a_resolver_that_hangs_costs_its_callers_the_deadline_and_what_was_known_stays() {
    static HANGS: AtomicBool = AtomicBool::new(true);
    static GATE: Mutex<()> = Mutex::new(());
    let _turn = in_turn();
    let server = Server::answering(OK);
    LIVE_PORT.store(server.address.port(), Ordering::SeqCst);
    let closed = GATE.lock().unwrap();
    let mut rig = Rig::new().lookup(|_, _| {
        if HANGS.load(Ordering::SeqCst) {
            LOOK_UPS.fetch_add(1, Ordering::SeqCst);
            drop(GATE.lock());
        }
        Ok(vec![local(&LIVE_PORT)])
    });
    let slow = rig.target("http://slow.test/");
    rig.skip(Duration::from_secs(1));
    rig.post(slow, 1);
    rig.turn();
    assert_eq!(rig.hooks.pending(), 1);
    rig.skip(Duration::from_secs(4));
    let late = rig.done().result;
    assert_eq!(late, Err(Fault::Unresolved("no name server answers in time".to_owned())));
    LOOK_UPS.store(0, Ordering::SeqCst);
    // The look-ups that hang are few, however often it is tried.
    for _ in 0..10 {
        rig.skip(Duration::from_secs(10));
        rig.post(slow, 2);
        rig.skip(Duration::from_secs(10));
        assert!(matches!(rig.done().result, Err(Fault::Unresolved(_) | Fault::Late(_))));
    }
    assert!(LOOK_UPS.load(Ordering::SeqCst) < 4);
    HANGS.store(false, Ordering::SeqCst);
    drop(closed);
    rig.until("a late answer, which is good", |rig| (rig.ask(slow) == allowed()).then_some(()));
    let mut rig = rig.lookup(|_, _| Err(ErrorKind::TimedOut.into()));
    rig.skip(Duration::from_secs(60));
    let now = rig.now();
    rig.hooks.reload(now).unwrap();
    rig.turn();
    assert_eq!(rig.ask(slow), allowed());
}
