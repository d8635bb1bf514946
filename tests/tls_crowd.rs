//! Many TLS handshakes at a time: few are under way, stalled ones give way, and nothing is left of those that failed.

#![cfg(feature = "tls")]
#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod common;

use common::{
    server::wait_until,
    tls::{HANDSHAKE, TlsScene, Trusting, WELL, shake_hands},
    wire::{Bystanders, Wire, tcp},
};
use std::{
    fs,
    io::Write,
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Enough for anything that has not to wait.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn stalled_handshakes_give_way_and_plain_clients_do_not_wait_at_all() {
    let mut scene = TlsScene::new(&["--max-tls-handshakes", "2"]);
    let (_, hello) = scene.hello("localhost");
    let stalled: Vec<TcpStream> = (0..20)
        .map(|n| {
            let mut stream = scene.tcp();
            stream.write_all(if n % 2 == 0 { &hello[..1] } else { &hello }).unwrap();
            stream
        })
        .collect();
    let start = Instant::now();
    let mut plain = Bystanders::of([(); 2].map(|()| Wire::join(scene.clients.address, "plain")));
    plain.exchange();
    scene.bystanders.exchange();
    assert!(start.elapsed() < AT_ONCE, "plain clients waited {:?}", start.elapsed());
    // They come all at once, while all places are taken.
    let clients: &Trusting = &scene.clients;
    let waited: Vec<Duration> = thread::scope(|scope| {
        let good: Vec<_> = (0..5)
            .map(|_| {
                scope.spawn(move || {
                    let start = Instant::now();
                    assert!(clients.connect().exchange(WELL).starts_with("HTTP/1.1 200 "));
                    start.elapsed()
                })
            })
            .collect();
        good.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert!(waited.iter().all(|time| *time < Duration::from_secs(10)), "{waited:?}");
    plain.exchange();
    drop(stalled);
    scene.end();
}

#[test]
fn a_crowd_of_good_clients_all_get_in() {
    let scene = TlsScene::new(&["--max-tls-handshakes", "2"]);
    let clients = &scene.clients;
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(move || assert!(clients.connect().exchange(WELL).starts_with("HTTP/1.1 200 ")));
        }
    });
    scene.end();
}

/// How many descriptors the process has.
fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// What of its memory is in use, in KiB.
fn resident_kib(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn of_two_thousand_failed_handshakes_nothing_is_left() {
    let mut scene = TlsScene::new(&[]);
    let (pid, address) = (scene.scene.server.pid(), scene.clients.address);
    let stranger = common::tls::client_config_of("", rustls::ALL_VERSIONS);
    let (_, hello) = scene.hello("localhost");
    let fail = |n: usize| match n % 5 {
        0 => drop(shake_hands(tcp(address), &stranger, "localhost").unwrap_err()),
        1 => Wire::over(tcp(address)).send(&hello),
        2 => {
            let mut wire = Wire::over(tcp(address));
            wire.send(&[HANDSHAKE; 300]);
            wire.rest();
        }
        3 => {
            let mut wire = Wire::over(tcp(address));
            wire.send(&hello[..50]);
            wire.stream.shutdown(Shutdown::Write).unwrap();
            wire.rest();
        }
        _ => drop(shake_hands(tcp(address), &scene.clients.config, "example.com").unwrap_err()),
    };
    let before = descriptors(pid);
    (0..500).for_each(fail);
    let resident = resident_kib(pid);
    (500..2_000).for_each(fail);
    wait_until("the descriptors to be freed", || descriptors(pid) == before);
    let grown = resident_kib(pid).saturating_sub(resident);
    assert!(grown < 1_024, "{grown} KiB more after 1,500 failed handshakes");
    scene.bystanders.exchange();
    scene.end();
}
