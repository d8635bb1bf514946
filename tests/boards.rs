//! suzu on the smallest machines that it is for, emulated: with nothing but busybox in 64 MB, and as a service of a real systemd in 256 MB. The program
//! is the one in `SUZU_BOARD`, built for such a board; `cross/check` runs this.

#![allow(clippy::disallowed_methods, reason = "the board is told what time it is")]

mod common;

#[cfg(feature = "tls")]
use common::tls::{Trusting, ca_pem, client_config};
use common::{
    announce,
    machine::{ARM64, Board, Kind},
    server::wait_until,
    wire::Wire,
};
use std::{
    collections::BTreeMap,
    env,
    io::{Read, Write},
    net::SocketAddr,
    path::PathBuf,
    time::SystemTime,
};

/// How many are registered at a time.
const CLIENTS: usize = 64;

/// What may be resident when it has started, in KiB. Without TLS that is for the build that has none: of a file that is mapped, Linux maps what is around
/// each page that is asked for, and so most of it.
const START_KIB: usize = if cfg!(feature = "tls") { 1792 } else { 1024 };

/// What one more registered client may cost, in bytes, before it has said anything and after.
#[cfg(feature = "tls")]
const EACH_TLS: usize = 5 * 1024;
const EACH_PLAIN: usize = 768;

/// What of the checks in `tests/machine/checks` a board is for; the others do not depend on the processor.
const CHECKS: [&str; 9] = [
    "systemd_is_new_enough",
    "the_readme_installs_it",
    "it_listens_by_itself",
    "its_user_is_nobody_else",
    "it_is_locked_in",
    "status_says_who_is_there",
    "memory_is_bounded_by_the_ceiling",
    "the_watchdog_is_fed_when_nobody_is_there",
    "stop_is_clean",
];

/// The program, built for a board.
fn suzu() -> PathBuf {
    PathBuf::from(env::var_os("SUZU_BOARD").expect("SUZU_BOARD is a suzu that cross/build made for ARM"))
}

/// What `/proc/PID/smaps_rollup` says, in KiB.
struct Memory(BTreeMap<String, usize>);

impl Memory {
    fn of(board: &mut Board, what: &str) -> Self {
        let lines = board.ask("cat /proc/$pid/smaps_rollup");
        let figure = |line: &String| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().strip_suffix(" kB")?.parse().ok()?))
        };
        let memory = Self(lines.iter().filter_map(figure).collect());
        let figures = ["Pss", "Rss", "Private_Dirty", "Anonymous"];
        let text = figures.map(|name| format!("{name} {} KiB", memory.get(name))).join(", ");
        announce(&format!("board: {what}: {text}"));
        memory
    }

    fn get(&self, name: &str) -> usize {
        self.0[name]
    }

    /// What each of so many clients has added since, in bytes: what the process has written to, and not what it was read from.
    fn each(&self, since: &Self, clients: usize) -> usize {
        self.get("Anonymous").saturating_sub(since.get("Anonymous")) * 1024 / clients
    }
}

/// Starts suzu there with its defaults, but that all clients come from one address.
fn start(board: &mut Board, args: &str) {
    let suzu = "/srv/suzu/target/release/suzu --state-dir /state";
    let limits = "--max-connections-per-address 0 --max-connections-per-second 0";
    board.ask(&format!("{suzu} {limits} {args} >/said 2>&1 & pid=$!"));
    wait_until("suzu on the board", || board.run("grep '^open ' /said").1);
}

/// Starts it and looks at its memory; then registers all clients, two in each room, who say something to each other.
fn measure<S: Read + Write>(
    board: &mut Board,
    what: &str,
    args: &str,
    each_max: usize,
    clients_of: impl FnOnce(SocketAddr) -> Box<dyn Fn(&str) -> Wire<S>>,
) {
    start(board, args);
    let rest = Memory::of(board, &format!("{what}, at rest"));
    assert!(rest.get("Rss") <= START_KIB, "budget: {START_KIB} KiB");
    let join = clients_of(board.address);
    let text = format!(r#"{{"type":"offer","sdp":"{}"}}"#, "v".repeat(3_000));
    let speak = |clients: &mut [Wire<S>]| {
        for pair in clients.chunks_mut(2) {
            for (from, to) in [(0, 1), (1, 0)] {
                pair[from].text(&text);
                assert_eq!(pair[to].frame().text(), text);
            }
        }
    };
    let mut clients: Vec<_> = (0..2).map(|_| join("room 0")).collect();
    speak(&mut clients);
    // With them comes what all share.
    let first = Memory::of(board, "two registered clients that have spoken");
    clients.extend((2..CLIENTS).map(|n| join(&format!("room {}", n / 2))));
    let idle = Memory::of(board, &format!("{CLIENTS} registered clients"));
    speak(&mut clients);
    let after = Memory::of(board, "the same after 3 KB from each");
    let each = [idle, after].map(|memory| memory.each(&first, CLIENTS - 2));
    announce(&format!("board: {what}: one more client {} bytes, after it has spoken {}", each[0], each[1]));
    assert!(each.iter().all(|bytes| *bytes <= each_max), "budget: {each_max} bytes a client");
    board.ask("kill $pid && wait $pid");
}

#[test]
#[ignore = "cross/check runs it, with what it built for a board"]
fn sixty_four_clients_fit_in_a_machine_of_64_mb() {
    let kind = Kind::of(&suzu());
    let Some(made) = kind.is_there().then(|| kind.made_by("board")).flatten() else { return };
    let mut board = kind.with(64, &made, &suzu()).board(3000);
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    board.ask(&format!("date -s @{now}"));
    announce(&format!("board: {}", board.ask("uname -srm").join(" ")));
    let off = if cfg!(feature = "tls") { "--tls off" } else { "" };
    measure(&mut board, "plain", off, EACH_PLAIN, |address| Box::new(move |room| Wire::join(address, room)));
    #[cfg(feature = "tls")]
    measure(&mut board, "TLS", "", EACH_TLS, |address| {
        let clients = Trusting { address, config: client_config(&ca_pem(address)) };
        Box::new(move |room| clients.join(room))
    });
    announce(&format!("board: {}", board.ask("free | sed -n 2p").join(" ")));
}

#[test]
#[ignore = "cross/check runs it, with what it built for a board"]
fn systemd_keeps_it_on_a_machine_of_256_mb() {
    if !ARM64.is_there() {
        return;
    }
    let Some(made) = ARM64.made_by("base") else { return };
    ARM64.with(256, &made, &suzu()).checks(&CHECKS);
}
