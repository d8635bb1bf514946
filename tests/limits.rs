//! What happens at the limits: no place left, no descriptor left, no time left, and the end of the server itself.

#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod common;

use common::{
    server::{TempDir, TestServer, wait_until},
    skip,
    wire::{Bystanders, CLOSE, HANDSHAKE, TEXT, Wire, frame},
};
use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const BYE: &str = r#"{"type":"bye"}"#;
/// Enough for anything that has not to wait.
const AT_ONCE: Duration = Duration::from_secs(3);
/// The time limits that are waited for here.
const PATIENCE: Duration = Duration::from_millis(500);
/// So much earlier they may end: the server's clock counts whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(50);

/// Asks for a WebSocket and returns the head of the answer.
fn upgrade(address: SocketAddr) -> String {
    let mut wire = Wire::connect(address);
    wire.send(format!("GET /signaling HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    wire.head()
}

fn is_well(address: SocketAddr) -> bool {
    let answer = Wire::connect(address).exchange(b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n");
    answer.starts_with("HTTP/1.1 200 ")
}

/// Closes a WebSocket and waits for the answer.
fn leave(mut wire: Wire) {
    wire.send(&frame(CLOSE, &1000u16.to_be_bytes()));
    assert_eq!(wire.frame().close_code(), 1000);
}

#[test]
fn one_client_too_many_gets_503_until_somebody_leaves() {
    let mut server = TestServer::start(&["--max-clients", "4"]);
    let mut bystanders = Bystanders::seat(server.address);
    let (leaver, _stays) = (Wire::open(server.address), Wire::open(server.address));
    let refusal = upgrade(server.address);
    assert!(refusal.starts_with("HTTP/1.1 503 ") && refusal.contains("\r\nRetry-After: "), "{refusal}");
    assert!(is_well(server.address), "a full server still answers");
    leave(leaver);
    assert!(upgrade(server.address).starts_with("HTTP/1.1 101 "));
    bystanders.exchange();
    assert!(server.is_alive());
}

#[test]
fn leaving_frees_the_place_while_the_connection_lingers() {
    let server = TestServer::start(&["--max-clients", "3", "--close-timeout-sec", "3600"]);
    let mut bystanders = Bystanders::seat(server.address);
    for round in 0..10 {
        let mut reloading = Wire::join(server.address, "reload");
        assert!(upgrade(server.address).starts_with("HTTP/1.1 503 "), "all places are taken, round {round}");
        reloading.text(BYE);
        assert_eq!(reloading.frame().close_code(), 1000);
        // It never confirms the close, and comes back on another connection.
        let again = Wire::join(server.address, "reload");
        leave(again);
    }
    bystanders.exchange();
}

#[test]
fn idle_connections_give_way_to_newcomers() {
    let args = ["--max-clients", "2", "--max-pending-connections", "2", "--head-timeout-sec", "3600"];
    let server = TestServer::start(&args);
    let mut bystanders = Bystanders::seat(server.address);
    let _idle: Vec<_> = (0..10).map(|_| Wire::connect(server.address)).collect();
    assert!(is_well(server.address), "who sends a request is served, however many send nothing");
    bystanders.exchange();
}

#[test]
fn a_head_that_comes_byte_by_byte_is_cut_at_the_head_timeout() {
    let server = TestServer::start(&["--head-timeout-sec", "0.5"]);
    let mut bystanders = Bystanders::seat(server.address);
    let start = Instant::now();
    let mut loris = Wire::connect(server.address);
    // Waiting for an answer sets the pace.
    loris.stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let mut answer = [0; 13];
    for byte in b"GET /.ok HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x')) {
        loris.send(&[*byte]);
        match loris.stream.read_exact(&mut answer) {
            Ok(()) => break,
            Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        }
        assert!(start.elapsed() < PATIENCE + AT_ONCE, "it was not cut");
    }
    assert_eq!(&answer, b"HTTP/1.1 408 ");
    assert!(start.elapsed() >= PATIENCE - ROUNDING, "it was cut too early");
    bystanders.exchange();
}

/// A server that may open this many descriptors, by the soft limit.
fn with_descriptors(count: usize, args: &[&str]) -> TestServer {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -S -n {count}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_suzu")])
        .args(["--listen", "127.0.0.1:0", "--head-timeout-sec", "3600"])
        .args(args);
    TestServer::start_command(command, TempDir::new())
}

const EXHAUSTED: &str = "cannot accept connections for now";

#[test]
fn without_descriptors_it_warns_once_and_serves_those_who_are_there() {
    let mut server = with_descriptors(24, &["--log-level", "debug"]);
    let mut bystanders = Bystanders::seat(server.address);
    let mut idle: Vec<_> = (0..50).map(|_| Wire::connect(server.address)).collect();
    server.wait_for_log(EXHAUSTED);
    bystanders.exchange();
    // Who leaves makes room for one who waits, and then there is none again.
    let taken_in = |server: &TestServer| server.log().matches(" from 127.0.0.1").count();
    let before = taken_in(&server);
    drop(idle.drain(..5));
    wait_until("others to be taken in", || taken_in(&server) == before + 5);
    bystanders.exchange();
    // All that came before it have gone by the time that this one is let in.
    drop(idle);
    drop(Wire::join(server.address, "afterwards"));
    bystanders.exchange();
    let log = server.log();
    assert_eq!(log.matches(EXHAUSTED).count(), 1, "{log}");
    assert!(log.lines().any(|line| line.starts_with("WARN") && line.contains(EXHAUSTED)), "{log}");
    assert!(server.is_alive());
}

#[test]
fn a_full_table_after_a_want_of_descriptors_costs_no_time() {
    let args = ["--max-clients", "8", "--max-pending-connections", "8", "--websocket-ping-interval-sec", "1"];
    let server = with_descriptors(18, &[&args[..], &["--log-level", "debug"]].concat());
    let mut client = Wire::open(server.address);
    let _idle: Vec<_> = (0..20).map(|_| Wire::connect(server.address)).collect();
    server.wait_for_log(EXHAUSTED);
    let raise = ["--pid", &server.pid().to_string(), "--nofile=100:"];
    match Command::new("prlimit").args(raise).stderr(Stdio::inherit()).status() {
        Err(error) if error.kind() == ErrorKind::NotFound => return skip("prlimit"),
        status => assert!(status.unwrap().success()),
    }
    wait_until("everybody to be taken in", || server.log().matches(" from 127.0.0.1").count() == 21);
    // Two ticks, to be sure that one whole interval lies between the measurements.
    let mut used = Vec::new();
    while used.len() < 3 {
        if client.next_frame().unwrap().payload == br#"{"type":"ping"}"# {
            used.push(processor_time(server.pid()));
        }
    }
    assert!(used[2] - used[1] < Duration::from_millis(500), "of 1 s it was busy for {:?}", used[2] - used[1]);
}

/// What the process has used so far, of all processors (proc_pid_stat(5), fields 14 and 15).
fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    // USER_HZ is 100 on all that Linux runs on.
    Duration::from_millis(ticks * 10)
}

/// Those who are there when the server is stopped: two in a room, one without a room, one standalone, one that sends no request.
fn stop_by(signal: &str) {
    let mut server = TestServer::start(&["--close-timeout-sec", "3600"]);
    // First come, first taken in: it is there by the time that the others are.
    let mut silent = Wire::connect(server.address);
    let mut standalone = Wire::open(server.address);
    standalone.text(r#"{"type":"register","roomId":"alone","standalone":true}"#);
    assert!(standalone.frame().text().contains("accept"));
    let mut clients =
        [Wire::join(server.address, "stop"), Wire::join(server.address, "stop"), Wire::open(server.address)];

    let start = Instant::now();
    server.signal(signal);
    for client in &mut clients {
        assert_eq!(client.frame().text(), BYE);
        assert_eq!(client.frame().close_code(), 1001);
    }
    assert_eq!(standalone.frame().close_code(), 1001, "it gets no bye");
    assert!(silent.ends());
    let refused = TcpStream::connect(server.address).map(|_| ());
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
    assert!(server.is_alive(), "it waits for those who have not confirmed the close");
    for client in clients.iter_mut().chain([&mut standalone]) {
        client.send(&frame(CLOSE, &1001u16.to_be_bytes()));
        assert!(client.ends());
    }
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() < AT_ONCE, "it waited for nobody");
}

#[test]
fn sigterm_tells_everybody_and_ends_when_all_have_left() {
    stop_by("TERM");
}

#[test]
fn sigint_tells_everybody_and_ends_when_all_have_left() {
    stop_by("INT");
}

#[test]
fn a_client_that_never_answers_holds_a_stop_up_for_the_close_timeout_only() {
    let mut server = TestServer::start(&["--close-timeout-sec", "0.5"]);
    let _mute = Wire::join(server.address, "stop");
    let start = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() >= PATIENCE - ROUNDING, "it had the close timeout to answer");
    assert!(start.elapsed() < PATIENCE + AT_ONCE);
}

#[test]
fn a_stop_ends_though_a_client_keeps_talking() {
    let mut server = TestServer::start(&["--close-timeout-sec", "0.5"]);
    let mut talker = Wire::join(server.address, "stop");
    server.signal("TERM");
    assert_eq!(talker.frame().text(), BYE);
    let start = Instant::now();
    let offer = frame(TEXT, br#"{"type":"offer","sdp":"v=0"}"#);
    while talker.stream.write_all(&offer).is_ok() {
        assert!(start.elapsed() < PATIENCE + AT_ONCE, "it is still served");
    }
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_stops_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM")] {
        let mut server = TestServer::start(&["--close-timeout-sec", "3600"]);
        let mut mute = Wire::join(server.address, "stop");
        let start = Instant::now();
        server.signal(first);
        assert_eq!(mute.frame().text(), BYE);
        assert_eq!(mute.frame().close_code(), 1001);
        assert!(server.is_alive());
        server.signal(second);
        assert_eq!(server.wait().code(), Some(0));
        assert!(start.elapsed() < AT_ONCE, "it took as long as without a second signal");
    }
}

#[test]
fn with_nobody_there_it_stops_at_once() {
    let mut server = TestServer::start(&["--close-timeout-sec", "3600"]);
    let start = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() < AT_ONCE);
}
