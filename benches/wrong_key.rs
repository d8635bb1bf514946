//! What a client costs that retries 20 times a second with a wrong key, and whether others are served meanwhile: `cargo bench --bench wrong_key`.
//!
//! Three runs of ten seconds against the real server with its default limits: nobody guesses; a client guesses in the URL of its upgrade; a client
//! guesses in its register, as native Ayame clients do. Meanwhile two good clients from another address exchange offers and answers, and every
//! tenth of a second another good one comes, takes a seat and leaves.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{
    access::{connect_from, cpu_hundredths, private_file},
    server::{TempDir, TestServer},
    wire::{HANDSHAKE, PING, Wire},
};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::mpsc::{Sender, channel},
    thread,
    time::{Duration, Instant},
};

const TIME: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(50);
const GUESSER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const KEY: &str = "open-sesame";

/// Where a guess stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    Nowhere,
    InUrl,
    InRegister,
}

fn main() {
    // `cargo test --benches` wants to know only whether it can be built.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    for guess in [Guess::Nowhere, Guess::InUrl, Guess::InRegister] {
        let state = TempDir::new();
        let config = private_file(&state, "suzu.conf", &format!("signaling_key = {KEY}\n"));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_suzu"));
        command.args(["--listen", "127.0.0.1:0", "-C", &config]);
        let server = TestServer::start_command(command, state);
        run(&server, guess);
    }
}

fn run(server: &TestServer, guess: Guess) {
    let to = server.address;
    let before = cpu_hundredths(server.pid());
    let end = Instant::now() + TIME;
    let (outcomes, heard) = channel();
    let guesser = (guess != Guess::Nowhere).then(|| thread::spawn(move || retry(to, guess, end, &outcomes)));
    let (exchanges, newcomers) = serve_good_ones(to, end);
    let cpu = cpu_hundredths(server.pid()) - before;
    let sent = guesser.map_or(0, |guesser| guesser.join().unwrap());
    let mut answers = BTreeMap::new();
    heard.into_iter().for_each(|outcome| *answers.entry(outcome).or_insert(0) += 1);
    println!(
        "guess {guess:?}: {sent} tries, answers {answers:?}; {}.{:02} s of CPU in {} s",
        cpu / 100,
        cpu % 100,
        TIME.as_secs()
    );
    println!("  offer and answer between good clients: {}", figures(exchanges));
    println!("  a good client from the connection to its seat: {}", figures(newcomers));
}

/// A try every 50 ms, whatever came of those before; how many there were.
fn retry(to: SocketAddr, guess: Guess, end: Instant, outcomes: &Sender<String>) -> usize {
    let mut next = Instant::now();
    let mut tries = Vec::new();
    while next < end {
        let outcomes = outcomes.clone();
        tries.push(thread::spawn(move || drop(outcomes.send(attempt(to, guess)))));
        next += RETRY;
        wait_for(next);
    }
    let count = tries.len();
    tries.into_iter().for_each(|attempt| attempt.join().unwrap());
    count
}

fn attempt(to: SocketAddr, guess: Guess) -> String {
    let mut wire = connect_from(GUESSER, to);
    let path = if guess == Guess::InUrl { "/signaling?token=open-sesam" } else { "/signaling" };
    // One connection too many is closed before it is read.
    let _ = write!(wire.stream, "GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n");
    let mut head = Vec::new();
    let mut buffer = [0; 1_024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match wire.stream.read(&mut buffer) {
            Ok(count @ 1..) => head.extend(&buffer[..count]),
            _ => return "turned away".to_owned(),
        }
    }
    let status = String::from_utf8_lossy(&head[9..12]).into_owned();
    if guess == Guess::InUrl || status != "101" {
        return status;
    }
    wire.text(r#"{"type":"register","roomId":"door","key":"open-sesam"}"#);
    loop {
        match wire.next_frame() {
            Some(frame) if frame.first == PING || frame.payload == br#"{"type":"ping"}"# => {}
            Some(frame) => return String::from_utf8_lossy(&frame.payload).into_owned(),
            None => return "cut off".to_owned(),
        }
    }
}

/// How long each exchange took, and each newcomer.
fn serve_good_ones(to: SocketAddr, end: Instant) -> (Vec<Duration>, Vec<Duration>) {
    let join = |room: &str| {
        let mut wire = Wire::open(to);
        wire.text(&format!(r#"{{"type":"register","roomId":"{room}","key":"{KEY}"}}"#));
        assert!(wire.frame().text().contains("accept"));
        wire
    };
    let mut pair = [join("good"), join("good")];
    let (mut exchanges, mut newcomers) = (Vec::new(), Vec::new());
    let mut next = Instant::now();
    while next < end {
        for place in 0..5 {
            let start = Instant::now();
            for from in [0, 1] {
                let text = format!(r#"{{"type":"offer","sdp":"{}"}}"#, "v".repeat(1_000));
                pair[from].text(&text);
                assert_eq!(pair[1 - from].frame().text(), text);
            }
            exchanges.push(start.elapsed());
            if place == 0 {
                let start = Instant::now();
                drop(join("another"));
                newcomers.push(start.elapsed());
            }
            next += Duration::from_millis(20);
            wait_for(next);
        }
    }
    (exchanges, newcomers)
}

fn figures(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |hundredth: usize| times[(times.len() - 1) * hundredth / 100].as_micros();
    format!("{} times, median {} us, p99 {} us, longest {} us", times.len(), at(50), at(99), at(100))
}

fn wait_for(moment: Instant) {
    // It may wake up early.
    while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}
