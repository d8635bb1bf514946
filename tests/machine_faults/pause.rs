//! The process is stopped for a while and goes on (SIGSTOP, a frozen container, a virtual machine that was put away): nobody who is alive
//! loses its seat by that.

use crate::common::{
    announce,
    neighbours::{Neighbours, Taken},
    server::{TempDir, TestServer},
    tls::ca_pem,
    wire::{TEXT, Wire},
};
use std::{
    env,
    fs::File,
    io::Write,
    process::Command,
    sync::mpsc::{self, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use suzu::timestamp::Timestamp;

/// The deadline by which a pong must have come, and for how long the server is stopped: three times as long.
const PONG_SECS: u64 = 2;
/// Takes the pause for the minute that `SUZU_TEST_PAUSE_SECS=60` asks for, with deadlines of a third of it.
fn pause_secs() -> u64 {
    env::var("SUZU_TEST_PAUSE_SECS").map_or(3 * PONG_SECS, |secs| secs.parse().unwrap())
}

/// Waits, by the clock; nothing can be waited for that a stopped process does.
fn pass(time: Duration) {
    let (_nobody, never) = mpsc::channel::<()>();
    assert_eq!(never.recv_timeout(time), Err(RecvTimeoutError::Timeout));
}

#[test]
fn nobody_is_let_go_for_the_time_that_the_server_was_stopped() {
    let secs = pause_secs();
    let pong = (secs / 3).to_string();
    let args = [
        ["--websocket-ping-interval-sec", "0.5"],
        ["--websocket-pong-timeout-sec", &pong],
        ["--websocket-read-timeout-sec", &pong],
        ["--register-timeout-sec", &pong],
        ["--head-timeout-sec", &pong],
        ["--resume-grace-sec", &pong],
        ["--log-format", "json"],
    ];
    let mut server = TestServer::start(&args.concat());
    let taken = Taken::by(&server);
    let neighbours = Neighbours::seat(&server);
    // One of each kind of patience: for a pong, for a register, for a request, for one who comes back.
    let mut mates = [(); 2].map(|()| Wire::join(server.address, "door"));
    let (mut unseated, mut late) = (Wire::open(server.address), Wire::connect(server.address));
    late.send(b"GET /health");
    mates
        .iter_mut()
        .for_each(|mate| mate.stream.set_read_timeout(Some(Duration::from_secs(secs + 30))).unwrap());
    mates.iter_mut().for_each(|mate| while !mate.next_frame().unwrap().text().contains("ping") {});

    server.signal("STOP");
    pass(Duration::from_secs(secs));
    let until = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64);
    server.signal("CONT");

    server.wait_for_log("suzu was stopped for ");
    for mate in &mut mates {
        mate.text(r#"{"type":"pong"}"#);
    }
    mates[0].text(r#"{"type":"candidate","ice":"after"}"#);
    let after = loop {
        let frame = mates[1].frame();
        if frame.first == TEXT {
            break frame.text().to_owned();
        }
    };
    assert_eq!(after, r#"{"type":"candidate","ice":"after"}"#);
    unseated = unseated.seated("late");
    late.send(b"z HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(late.head().starts_with("HTTP/1.1 "));
    let log = server.log();
    let line = log.lines().find(|line| line.contains("was stopped for")).unwrap();
    announce(line);
    let (_, time) = line.split_once(r#""time":""#).unwrap();
    assert!(time >= &*until.to_string(), "it went on at {until}: {line}");
    assert!(!log.contains("closed") && !log.contains("let go"), "{log}");
    neighbours.part();
    drop((mates, unseated, late));
    taken.is_back(&server, "after a pause");
    assert!(server.is_alive());
}

/// A file that can be read once at a time, and only when it is given: a slow disk. Here it has the authorities that webhooks trust.
struct SlowFile {
    dir: TempDir,
    authorities: String,
}

impl SlowFile {
    fn new() -> Self {
        let dir = TempDir::new();
        assert!(Command::new("mkfifo").arg(dir.path.join("pem")).status().unwrap().success());
        Self { dir, authorities: ca_pem(TestServer::start(&[]).address) }
    }

    /// What starts a server that reads it.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = TestServer::command(args);
        command.args(["--authn-webhook-url", "https://127.0.0.1:9/"]);
        command.env("SSL_CERT_FILE", self.dir.path.join("pem"));
        command
    }

    /// Gives it so long after the server wanted it.
    fn give(&self, after: Duration) -> JoinHandle<()> {
        let (path, authorities) = (self.dir.path.join("pem"), self.authorities.clone());
        thread::spawn(move || {
            // It can be opened when the server opens it, too.
            let mut file = File::options().write(true).open(path).unwrap();
            pass(after);
            file.write_all(authorities.as_bytes()).unwrap();
        })
    }
}

/// The loop stands in the midst of a turn, in which it has read what came: there is no pong left that could save anybody.
#[test]
fn nobody_is_let_go_for_a_stop_in_the_midst_of_a_turn() {
    let file = SlowFile::new();
    let pong = PONG_SECS.to_string();
    let command = file.command(&[
        "--websocket-ping-interval-sec",
        "0.5",
        "--websocket-pong-timeout-sec",
        &pong,
        "--webhook-request-timeout-sec",
        "1",
    ]);
    let start = file.give(Duration::ZERO);
    let server = TestServer::start_command(command, TempDir::new());
    start.join().unwrap();
    let mut echo = Wire::connect(server.address).upgraded_at("/echo");
    let reload = file.give(Duration::from_secs(3 * PONG_SECS));
    server.signal("HUP");
    reload.join().unwrap();
    // Once more than that it is let go in the turn that answers.
    for _ in 0..2 {
        echo.text("after");
        assert_eq!(echo.frame().text(), "echo:after", "{}", server.log());
    }
    server.wait_for_log("suzu was stopped for ");
}

#[test]
fn a_start_that_takes_long_is_no_pause() {
    let file = SlowFile::new();
    let disk = file.give(Duration::from_millis(1_500));
    let server = TestServer::start_command(file.command(&[]), TempDir::new());
    disk.join().unwrap();
    let answer = Wire::connect(server.address).exchange(b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(!server.log().contains("was stopped"), "{}", server.log());
}
