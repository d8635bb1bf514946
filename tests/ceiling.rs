//! The memory ceiling that `suzu --check` prints holds: a server is driven to all of its limits at once, and its memory stays below.

mod common;

use common::{
    announce,
    scrape::{Scrape, scrape_until},
    server::{TempDir, TestServer},
    wire::{HANDSHAKE, PING, PONG, TEXT, Wire, frame},
};
use std::{
    fs,
    io::{Read, Write},
    os::unix::process::ExitStatusExt,
    process::Command,
};

const CLIENTS: usize = 48;
/// Those that have been let go and do not take what is still for them.
const LEAVING: usize = 15;
const ROOM_SEATS: usize = 4;
const MESSAGE_BYTES: usize = 32_768;
const QUEUE_BYTES: usize = 16 * MESSAGE_BYTES;
/// Small enough that a test fills them all in a moment.
const LIMITS: [[&str; 2]; 7] = [
    ["--max-clients", "48"],
    ["--max-pending-connections", "16"],
    ["--max-rooms", "48"],
    ["--max-peers-per-room", "4"],
    ["--max-message-bytes", "32768"],
    ["--max-queue-bytes", "524288"],
    ["--max-stored-bytes", "65536"],
];
/// Nobody who is silent is let go meanwhile.
const PATIENCE: [[&str; 2]; 6] = [
    ["--resume-grace-sec", "3600"],
    ["--close-timeout-sec", "3600"],
    ["--register-timeout-sec", "3600"],
    ["--websocket-read-timeout-sec", "3600"],
    ["--websocket-pong-timeout-sec", "3500"],
    ["--websocket-ping-interval-sec", "3000"],
];

/// What `--check` says of these settings, in KiB.
fn ceiling(args: &[&str]) -> u64 {
    let output = common::start::program().arg("--check").args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().last().unwrap();
    let number = line.strip_prefix("# memory ceiling: ").and_then(|rest| rest.split(' ').next());
    number.unwrap_or_else(|| panic!("{line}")).parse().unwrap()
}

/// The most memory that a process has had resident, in KiB: its code and libraries are in it.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Waits until all that was said has been heard, whatever else comes meanwhile.
fn settle<S: Read + Write>(wire: &mut Wire<S>) {
    wire.send(&frame(PING, b"settle"));
    while wire.frame().first != PONG {}
}

fn open<S: Read + Write>(mut wire: Wire<S>, path: &str) -> Wire<S> {
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{path}: {head}");
    wire
}

/// Most of a message in its first fragment, and most of one in its second.
fn begin_long_message<S: Read + Write>(wire: &mut Wire<S>) {
    let (first, more) = (0x01, 0x80);
    wire.send(&frame(first, &[b'1'; MESSAGE_BYTES - 1]));
    let last = frame(more, &[b'2'; MESSAGE_BYTES]);
    wire.send(&last[..last.len() - 1]);
}

/// Clients that were let go because they do not read their own echo. And how many messages of full length one can say
/// before that: what the system keeps for it, and what the server does.
fn fill_leaving<S: Read + Write>(
    server: &TestServer,
    connect: &impl Fn() -> Wire<S>,
) -> (Vec<Wire<S>>, usize) {
    let message = frame(TEXT, &[b'e'; MESSAGE_BYTES]);
    let overflows = |scrape: &Scrape| scrape.get(r#"suzu_queue_overflows_total{queue="client"}"#);
    let mut first = open(connect(), "/echo");
    let room = (1..)
        .find(|said| {
            first.send(&message);
            let heard = |scrape: &Scrape| scrape.sum("suzu_messages_received_total") == *said as f64;
            overflows(&scrape_until(server.address, "a message to be heard", heard)) > 0.0
        })
        .unwrap();
    let others = (1..LEAVING).map(|_| {
        let mut wire = open(connect(), "/echo");
        (0..2 * room).for_each(|_| wire.send(&message));
        wire
    });
    let leaving = [first].into_iter().chain(others).collect();
    scrape_until(server.address, "all to be let go", |scrape| overflows(scrape) == LEAVING as f64);
    (leaving, room)
}

/// Seats of the mesh whose owners are gone, with all that may wait for them.
fn fill_absent_seats<S: Read + Write>(server: &TestServer, connect: &impl Fn() -> Wire<S>) {
    let (name, meta) = ("n".repeat(250), "m".repeat(1_000));
    let here: Vec<Wire<S>> = (0..CLIENTS)
        .map(|n| {
            let mut wire = open(connect(), "/mesh");
            let room = n / ROOM_SEATS;
            wire.text(&format!(
                r#"{{"type":"connect","room":"{room:0200}","id":"{n:064}","name":"{name}","meta":"{meta}"}}"#
            ));
            while !wire.frame().text().contains(r#""type":"connected""#) {}
            wire
        })
        .collect();
    // One of each room stays for a while, and says to the others what they will never hear.
    let data = "d".repeat(MESSAGE_BYTES - 300);
    let mut stays: Vec<_> = here.into_iter().step_by(ROOM_SEATS).collect();
    let absent = |count: usize| move |scrape: &Scrape| scrape.get("suzu_absent_seats") == count as f64;
    scrape_until(server.address, "the others to be absent", absent(CLIENTS - CLIENTS / ROOM_SEATS));
    for (room, wire) in stays.iter_mut().enumerate() {
        for other in 1..ROOM_SEATS {
            let to = room * ROOM_SEATS + other;
            for _ in 0..QUEUE_BYTES / MESSAGE_BYTES {
                wire.text(&format!(r#"{{"type":"message","to":"{to:064}","data":"{data}"}}"#));
            }
        }
        settle(wire);
    }
    drop(stays);
    scrape_until(server.address, "all seats of the mesh to be absent", absent(CLIENTS));
}

/// Mailbox clients that have left as much as they may.
fn fill_mailboxes<S: Read + Write>(connect: &impl Fn() -> Wire<S>) -> Vec<Wire<S>> {
    let sdp = "s".repeat(MESSAGE_BYTES - 100);
    let clients = (0..CLIENTS / 2).map(|n| {
        let mut wire = open(connect(), &format!("/ws?room={n:0200}m"));
        for message in [
            format!(r#"{{"type":"connect","id":"{n}"}}"#),
            format!(r#"{{"type":"offer","id":"{n}","sdp":"{sdp}"}}"#),
            format!(r#"{{"type":"candidateAdd","id":"{n}","candidate":"{sdp}"}}"#),
        ] {
            wire.text(&message);
        }
        settle(&mut wire);
        begin_long_message(&mut wire);
        wire
    });
    clients.collect()
}

/// Clients that do not read their own echo, of which there is almost as much as may wait for them.
fn fill_echoes<S: Read + Write>(connect: &impl Fn() -> Wire<S>, room: usize) -> Vec<Wire<S>> {
    let message = frame(TEXT, &[b'e'; MESSAGE_BYTES]);
    let clients = (0..CLIENTS / 2).map(|_| {
        let mut wire = open(connect(), "/echo");
        // The system does not keep quite as much for each.
        (0..room - 6).for_each(|_| wire.send(&message));
        begin_long_message(&mut wire);
        wire
    });
    clients.collect()
}

/// Drives a server to all its limits at once.
fn drive<S: Read + Write>(server: &TestServer, args: &[&str], connect: impl Fn() -> Wire<S>) {
    let before = peak(server.pid());
    let (leaving, room) = fill_leaving(server, &connect);
    fill_absent_seats(server, &connect);
    let mailboxes = fill_mailboxes(&connect);
    let heard = |scrape: &Scrape| scrape.sum("suzu_messages_received_total");
    let all = heard(&Scrape::of(server.address)) + (CLIENTS / 2 * (room - 6)) as f64;
    let echoes = fill_echoes(&connect, room);
    let scrape = scrape_until(server.address, "all to be heard", |scrape| heard(scrape) == all);
    let (ceiling, peak) = (ceiling(args), peak(server.pid()));
    announce(&format!(
        "the ceiling is {ceiling} KiB, and {peak} KiB were reached ({before} KiB at rest) by {} clients, {} that were leaving, {} absent seats",
        scrape.sum("suzu_clients"),
        leaving.len(),
        scrape.get("suzu_absent_seats")
    ));
    assert!(peak <= ceiling, "{peak} KiB are above the ceiling of {ceiling} KiB");
    assert_eq!(scrape.sum("suzu_clients"), (mailboxes.len() + echoes.len()) as f64, "{}", scrape.text);
    assert_eq!(scrape.get("suzu_absent_seats"), CLIENTS as f64);
    // It counts room for buffers that double as they grow, and little of that is ever written to.
    assert!(4 * peak > ceiling, "only {peak} KiB of {ceiling} KiB were reached: nothing was shown");
}

/// A mailbox message that is taken apart into as large a tree as there can be, on a server with little else.
#[test]
fn the_ceiling_holds_for_one_tree_of_values() {
    let bytes = 1 << 20;
    let limits = ["--max-clients", "1", "--max-pending-connections", "1", "--max-rooms", "1", "--tls", "off"];
    let mut args = limits.to_vec();
    args.extend([
        "--max-message-bytes",
        "1048576",
        "--max-queue-bytes",
        "1048640",
        "--max-stored-bytes",
        "1024",
    ]);
    let server = TestServer::start_in(TempDir::new(), &args);
    let mut wire = open(Wire::connect(server.address), "/ws?room=a");
    wire.text(r#"{"type":"connect","id":"a"}"#);
    assert_eq!(wire.frame().text(), r#"{"type":"offer"}"#);
    let deep = format!("{}{{}}{}", "{\"\":".repeat(120), "}".repeat(120));
    let wide = vec![&*deep; bytes / (deep.len() + 1) - 1].join(",");
    wire.text(&format!(r#"{{"type":"offer","id":"a","sdp":[{wide}]}}"#));
    assert!(wire.frame().text().contains("too-large"));
    let (ceiling, peak) = (ceiling(&args), peak(server.pid()));
    announce(&format!("the ceiling is {ceiling} KiB, and {peak} KiB were reached by one message"));
    assert!(peak <= ceiling, "{peak} KiB are above the ceiling of {ceiling} KiB");
    assert!(2 * peak > ceiling, "only {peak} KiB of {ceiling} KiB were reached: nothing was shown");
}

fn start(tls: &str) -> (TestServer, Vec<&str>) {
    let mut args: Vec<&str> = LIMITS.iter().chain(&PATIENCE).flatten().copied().collect();
    args.extend(["--tls", tls]);
    (TestServer::start_in(TempDir::new(), &args), args)
}

#[test]
fn the_ceiling_holds_in_plain() {
    let (server, args) = start("off");
    drive(&server, &args, || Wire::connect(server.address));
}

#[cfg(feature = "tls")]
#[test]
fn the_ceiling_holds_over_tls() {
    let (server, args) = start("auto");
    let clients = common::tls::Trusting::new(&server);
    drive(&server, &args, || clients.connect());
}

/// Lets the system give a process no more private memory than this (`RLIMIT_DATA`); whether it can be done is said loudly.
fn limit(server: &TestServer, kib: u64) -> bool {
    let pid = server.pid().to_string();
    let Ok(status) =
        Command::new("prlimit").args(["--pid", &pid, &format!("--data={}", kib * 1024)]).status()
    else {
        common::skip("prlimit (util-linux)");
        return false;
    };
    status.success()
}

/// What is written here never comes to the limit: it cannot be reached below the ceiling.
#[test]
fn with_a_limit_at_the_ceiling_a_server_at_all_its_limits_lives() {
    let (mut server, args) = start("off");
    if limit(&server, ceiling(&args)) {
        drive(&server, &args, || Wire::connect(server.address));
        assert!(server.is_alive());
    }
}

/// There is no way to go on without memory: it ends at once, by SIGABRT, which a service manager takes for a failure, and says why; the next
/// one begins with empty tables, and everybody can come back.
#[test]
fn with_a_limit_far_below_the_ceiling_it_ends_by_sigabrt_and_the_next_start_is_good() {
    let (mut server, args) = start("off");
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
    let now: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let few = now + 1024;
    assert!(few < ceiling(&args) / 10);
    if !limit(&server, few) {
        return;
    }
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| open(Wire::connect(server.address), "/echo")).collect();
    let long = frame(0x01, &[b'1'; MESSAGE_BYTES]);
    let mut wrote = 0;
    // When it is gone, nothing more can be written.
    for wire in &mut clients {
        wrote += usize::from(std::io::Write::write_all(&mut wire.stream, &long[..long.len() - 1]).is_ok());
    }
    let end = server.wait();
    let log = server.whole_log();
    announce(&format!(
        "a limit of {few} KiB ({now} at rest): {wrote} long messages were written; {end}; {}",
        log.trim()
    ));
    assert_eq!(end.signal(), Some(6), "{end}: {log}");
    assert!(log.contains("memory allocation of"), "{log}");
    drop(clients);
    let again = TestServer::start_in(TempDir::new(), &args);
    common::wire::Bystanders::seat(again.address);
}
