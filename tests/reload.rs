//! The configuration is read again on SIGHUP: what is new is in force, what is bad changes nothing, and nobody is let go.

mod common;

use common::{
    server::{TempDir, TestServer},
    wire::{Bystanders, Wire},
};
#[cfg(feature = "tls")]
use std::process::{Command, Stdio};
use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf};

/// A server and its file of settings.
struct Reloading {
    server: TestServer,
    file: PathBuf,
    reloads: usize,
}

impl Reloading {
    fn start(text: &str) -> Self {
        let state = TempDir::new();
        let file = state.join("suzu.conf");
        write(&file, text);
        let server = TestServer::start_in(state, &["-C", file.to_str().unwrap()]);
        Self { server, file, reloads: 0 }
    }

    /// Writes the file anew and has it read.
    fn reload(&mut self, text: &str) {
        write(&self.file, text);
        self.server.signal("HUP");
        self.reloads += 1;
        let count = |log: &str| {
            log.matches("configuration was read").count() + log.matches("configuration stays").count()
        };
        common::server::wait_until("the reload", || count(&self.server.whole_log()) == self.reloads);
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }
}

fn write(file: &PathBuf, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The answer to a register with a key.
fn register(address: SocketAddr, room: &str, key: &str) -> (Wire, String) {
    let mut wire = Wire::open(address);
    wire.text(&format!(r#"{{"type":"register","roomId":"{room}","key":"{key}"}}"#));
    let answer = wire.frame().text().to_owned();
    (wire, answer)
}

fn seated(address: SocketAddr, room: &str, key: &str) -> Wire {
    let (wire, answer) = register(address, room, key);
    assert!(answer.contains(r#""type":"accept""#), "{room} {key}: {answer}");
    wire
}

#[test]
fn a_changed_key_is_in_force_and_none_of_a_hundred_calls_is_dropped() {
    let mut reloading = Reloading::start("signaling_key = old\n");
    let address = reloading.address();
    let seat = |n: usize| [(); 2].map(|()| seated(address, &format!("room {n}"), "old"));
    let mut calls: Vec<_> = (0..100).map(|n| Bystanders::of(seat(n))).collect();
    reloading.reload("signaling_key = new\n");
    calls.iter_mut().for_each(Bystanders::exchange);
    // The one with the wrong key last: its address has to wait afterwards.
    let _new = seated(address, "another", "new");
    let (_, answer) = register(address, "another", "old");
    assert!(answer.contains(r#""reason":"unauthorized""#), "{answer}");
}

#[test]
fn a_bad_configuration_changes_nothing_and_says_why() {
    let mut reloading = Reloading::start("signaling_key = old\nmax_id_bytes = 100\n");
    for (text, why) in [
        (
            "max_id_bytes = some\n",
            "suzu.conf:1: max_id_bytes: \"some\" is not a whole number; allowed: 16 to 4096",
        ),
        ("signaling_key = new\nfrobnicate = 1\n", "suzu.conf:2: frobnicate: unknown key"),
        (
            "signaling_key = new\ntoken_secret_file = /nowhere\n",
            "token_secret_file: /nowhere: cannot be read",
        ),
        (
            "signaling_key = new\nmax_message_bytes = 1048576\n",
            "max_queue_bytes: 131072 is too little for one message",
        ),
        #[cfg(feature = "tls")]
        ("tls = files\ntls_cert = /nowhere\ntls_key = /nowhere\n", "/nowhere: cannot be read"),
    ] {
        reloading.reload(text);
        let log = reloading.server.whole_log();
        let line = log.lines().rfind(|line| line.contains("configuration stays")).unwrap();
        assert!(line.starts_with("ERROR") && line.contains(why), "{text}: {line}");
    }
    fs::remove_file(&reloading.file).unwrap();
    reloading.server.signal("HUP");
    reloading.server.wait_for_log("suzu.conf: cannot be read: No such file");
    seated(reloading.address(), "room", "old");
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_is_taken() {
    let mut reloading = Reloading::start("max_clients = 4\n");
    reloading.reload("max_clients = 5\nmax_rooms = 9\nroute = /other ayame\nlog_level = debug\n");
    let log = reloading.server.whole_log();
    assert!(
        log.contains("what changed here takes effect when suzu starts again: max_clients, max_rooms"),
        "{log}"
    );
    let moved = Wire::connect(reloading.address()).exchange(b"GET /signaling HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(moved.starts_with("HTTP/1.1 404 "), "{moved}");
    let there = Wire::connect(reloading.address()).exchange(b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(there.starts_with("HTTP/1.1 426 "), "{there}");
    reloading.server.wait_for_log("DEBUG");
    // What is the same as at the start waits for nothing.
    reloading.reload("max_clients = 4\n");
    assert!(reloading.server.whole_log().contains("the configuration was read again\n"));
}

#[test]
fn shorter_patience_is_for_those_who_are_there_as_well() {
    let mut reloading = Reloading::start("register_timeout_sec = 3600\n");
    let mut silent = Wire::open(reloading.address());
    silent.text(r#"{"type":"register","roomId":"silent"}"#);
    assert!(silent.frame().text().contains("accept"));
    reloading.reload("websocket_ping_interval_sec = 0.05\nwebsocket_pong_timeout_sec = 0.2\n");
    let close = silent.frame();
    assert_eq!((close.first, close.close_code()), (common::wire::CLOSE, 1000));
    reloading.server.wait_for_log("no pong in time");
}

#[cfg(feature = "tls")]
#[test]
fn whoever_came_before_tls_was_switched_off_is_answered_like_those_who_come_afterwards() {
    let mut reloading = Reloading::start("head_timeout_sec = 3600\n");
    let address = reloading.address();
    let before = Wire::connect(address);
    // Connections are taken in one after the other: it is there when this is.
    Wire::open(address);
    reloading.reload("head_timeout_sec = 3600\ntls = off\n");
    for wire in [before, Wire::connect(address)] {
        let answer = wire.exchange(b"\x16\x03\x01\x00\x08no hello\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn the_name_of_the_machine_is_not_lost_by_a_reload_that_fails() {
    let own_name = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["-u", "sh", "-c", "hostname first.example && exec \"$@\"", "sh", program]);
        command
    };
    let can = own_name("true").stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        return common::skip("root and util-linux, for a host name of the test's own");
    }
    let state = TempDir::new();
    let file = state.join("suzu.conf");
    write(&file, "");
    let mut command = own_name(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "127.0.0.1:0", "--max-connections-per-second", "0", "-C"]).arg(&file);
    let server = TestServer::start_command(command, state);
    let is_named = |name: &str| {
        let request = format!("GET /.ok HTTP/1.1\r\nHost: {name}\r\n\r\n");
        Wire::connect(server.address).exchange(request.as_bytes()).starts_with("HTTP/1.1 200 ")
    };
    assert!(is_named("first.example") && !is_named("second.example"));
    let pid = server.pid().to_string();
    let renamed = Command::new("nsenter").args(["-t", &pid, "-u", "hostname", "second.example"]).status();
    assert!(renamed.unwrap().success());
    write(&file, "tls = files\ntls_cert = /nowhere\ntls_key = /nowhere\n");
    server.signal("HUP");
    server.wait_for_log("the configuration stays as it is");
    common::server::wait_until("the new name", || is_named("second.example"));
}

#[test]
fn whoever_was_slowed_down_is_heard_at_once_when_it_may_say_more() {
    let slow = "max_messages_per_second = 1\nmax_connections_per_second = 0\n";
    let state = TempDir::new();
    let file = state.join("suzu.conf");
    write(&file, slow);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "127.0.0.1:0", "-C", file.to_str().unwrap()]);
    let server = TestServer::start_command(command, state);
    let mut wire = Wire::join(server.address, "room");
    // Ten at once, then one a second: the last of these would be heard after half a minute, which no test waits.
    for _ in 0..40 {
        wire.send(&common::wire::frame(common::wire::PING, b"hello"));
    }
    for _ in 0..5 {
        assert_eq!(wire.frame().first, common::wire::PONG);
    }
    write(&file, "max_messages_per_second = 0\n");
    server.signal("HUP");
    for _ in 5..40 {
        assert_eq!(wire.frame().first, common::wire::PONG);
    }
}
