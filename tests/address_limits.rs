//! What one address may do, and one client: connections, messages and bytes. Beyond that it waits or is turned away, and nobody else notices.

#![allow(clippy::disallowed_methods, reason = "a flood that is slowed down takes its time")]

mod common;

use common::{
    access::{ask, connect_from, cpu_hundredths, is_served},
    server::{TestServer, wait_until},
    wire::{Bystanders, TEXT, Wire, frame},
};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[test]
fn an_address_has_32_connections_and_another_address_its_own() {
    let server = TestServer::start(&["--max-connections-per-address", "32"]);
    let mut open: Vec<Wire> = (0..32).map(|_| Wire::open(server.address)).collect();
    // Nothing is sent: it is not waited for.
    Wire::connect(server.address).ends();
    server.wait_for_log(
        "a connection was turned away reason=\"it has too many (max_connections_per_address, max_connections_per_second)",
    );
    connect_from([127, 0, 0, 2], server.address).upgraded().seated("elsewhere");
    // Those who are there are not touched, and a place that is left is free.
    open.iter_mut().for_each(Wire::settle);
    drop(open.pop());
    wait_until("the free place", || is_served(Wire::connect(server.address)));
}

#[test]
fn connections_that_say_nothing_count_as_well() {
    let server = TestServer::start(&["--max-connections-per-address", "4"]);
    let silent: Vec<Wire> = (0..4).map(|_| connect_from([127, 0, 0, 3], server.address)).collect();
    connect_from([127, 0, 0, 3], server.address).ends();
    assert!(is_served(Wire::connect(server.address)));
    drop(silent);
    wait_until("the free places", || is_served(connect_from([127, 0, 0, 3], server.address)));
}

#[test]
fn an_address_opens_so_many_connections_a_second() {
    let server = TestServer::start(&["--max-connections-per-second", "1"]);
    let start = Instant::now();
    let served = (0..100).take_while(|_| is_served(Wire::connect(server.address))).count();
    let flowed_in = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    assert!((10..=10 + flowed_in).contains(&served), "{served} at once, and then one a second");
    assert!(is_served(connect_from([127, 0, 0, 2], server.address)), "another address is another matter");
    wait_until("the next second", || is_served(Wire::connect(server.address)));
}

#[test]
fn connections_of_a_proxy_count_for_whom_it_speaks() {
    let args = ["--trusted-proxies", "127.0.0.2", "--max-connections-per-address", "3"];
    let server = TestServer::start(&args);
    let pass_on = |client: &str| {
        let header = format!("X-Forwarded-For: {client}\r\n");
        ask(connect_from(PROXY, server.address), "/signaling", &header)
    };
    let mut open: Vec<Wire> = (0..3).map(|_| pass_on("10.0.0.1").let_in()).collect();
    let refused = pass_on("10.0.0.1");
    assert_eq!((refused.status, refused.retry_after()), (429, 1), "{}", refused.head);
    server.wait_for_log("a connection was turned away reason=\"it has too many");
    let mut others: Vec<Wire> = (2..9).map(|last| pass_on(&format!("10.0.0.{last}")).let_in()).collect();
    // In a local network all have the same /64: each address is somebody.
    others.extend(["fd00::1"; 3].map(|client| pass_on(client).let_in()));
    assert_eq!(pass_on("fd00::1").status, 429);
    others.push(pass_on("fd00::4").let_in());
    open.iter_mut().chain(&mut others).for_each(Wire::settle);
    drop(open.pop());
    wait_until("the free place", || pass_on("10.0.0.1").status == 101);
}

/// Two in a room of their own: one floods, the other listens.
struct Flood {
    server: TestServer,
    bystanders: Bystanders,
    talker: Wire,
    listener: Wire,
}

/// How long all of it took, and what the slow part of it cost the server.
struct Taken {
    time: Duration,
    cpu: Duration,
}

impl Flood {
    fn new(args: &[&str]) -> Self {
        let server = TestServer::start(args);
        let bystanders = Bystanders::seat(server.address);
        let [talker, listener] =
            [(); 2].map(|()| ask(Wire::connect(server.address), "/relay?room=flood", "").let_in());
        Self { server, bystanders, talker, listener }
    }

    /// Sends `count` messages of `length` bytes in one piece. All must arrive in order, the last `slow` of them slowly.
    fn run(&mut self, count: usize, length: usize, slow: usize) -> Taken {
        let text = |number: usize| format!("{number:0length$}");
        let frames: Vec<u8> = (0..count).flat_map(|number| frame(TEXT, text(number).as_bytes())).collect();
        let cpu = || cpu_hundredths(self.server.pid());
        let (start, mut before) = (Instant::now(), cpu());
        self.talker.send(&frames);
        for number in 0..count {
            if number == count - slow {
                before = cpu();
            }
            assert_eq!(self.listener.frame().text(), text(number));
            if number % 20 == 0 {
                let asked = Instant::now();
                self.bystanders.exchange();
                assert!(asked.elapsed() < Duration::from_secs(1), "the bystanders had to wait");
            }
        }
        let cpu = Duration::from_millis(10 * (cpu() - before));
        Taken { time: start.elapsed(), cpu }
    }
}

#[test]
fn a_flood_of_messages_arrives_whole_and_in_order_but_slowly() {
    // 500 at once, then 50 a second.
    let mut flood = Flood::new(&["--max-messages-per-second", "50"]);
    let taken = flood.run(650, 200, 150);
    assert!(taken.time > Duration::from_millis(2_900), "{:?} is too fast", taken.time);
    assert!(taken.cpu < taken.time / 4, "it spins: {:?} of CPU in {:?}", taken.cpu, taken.time);
    flood.talker.settle();
}

#[test]
fn a_flood_of_bytes_arrives_whole_and_in_order_but_slowly() {
    // 400 KB at once, then 40 KB a second.
    let mut flood = Flood::new(&["--max-bytes-per-second", "40000"]);
    let taken = flood.run(520, 1_000, 100);
    assert!(taken.time > Duration::from_millis(2_900), "{:?} is too fast", taken.time);
    assert!(taken.cpu < taken.time / 4, "it spins: {:?} of CPU in {:?}", taken.cpu, taken.time);
    flood.talker.settle();
}

#[test]
fn a_limit_below_what_one_read_brings_slows_down_and_does_not_stop() {
    // 20 KiB at once: what was read must have flowed in again before the next read.
    let mut flood = Flood::new(&["--max-bytes-per-second", "1500"]);
    for _ in 0..4 {
        flood.run(1, 1_000, 1);
    }
    flood.talker.settle();
}

#[test]
fn the_bursts_of_trickled_candidates_pass_at_once_by_default() {
    let defaults = ["--max-messages-per-second", "100", "--max-bytes-per-second", "262144"];
    let mut flood = Flood::new(&defaults);
    let taken = flood.run(900, 300, 900);
    assert!(taken.time < Duration::from_secs(5), "{:?}", taken.time);
}

#[test]
fn a_throttled_client_that_leaves_is_let_go_and_frees_its_place() {
    let args = ["--max-messages-per-second", "1", "--max-connections-per-address", "1"];
    let server = TestServer::start(&args);
    let flooder = [127, 0, 0, 3];
    let mut wire = ask(connect_from(flooder, server.address), "/echo", "").let_in();
    wire.send(&(0..12).flat_map(|_| frame(TEXT, b"hello")).collect::<Vec<u8>>());
    (0..10).for_each(|_| assert_eq!(wire.frame().text(), "echo:hello"));
    drop(wire);
    wait_until("its place", || is_served(connect_from(flooder, server.address)));
}
