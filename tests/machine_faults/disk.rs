//! The disk is full: calls go on, it is said once, and when there is room again everything is written again.

use crate::common::{
    announce,
    neighbours::{Neighbours, Taken},
    server::{TempDir, TestServer, wait_until},
    skip,
    start::program,
    tls::Trusting,
    wire::Wire,
};
use std::{fs, path::PathBuf, process::Command};

/// Starts a server whose state directory is a disk of this size in KiB, with this done there before. `None`, said loudly, if that cannot be.
fn start(kib: usize, before: &str, args: &[&str]) -> Option<TestServer> {
    if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        skip("root and util-linux, for a disk of the test's own");
        return None;
    }
    let state = TempDir::new();
    let script = format!(
        r#"mount -t tmpfs -o size={kib}k,mode=700 tmpfs "$0" && cd "$0" && {{ {before}; cd /; exec "$@"; }}"#
    );
    let program = program();
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]).arg(&state.path).arg(program.get_program());
    command
        .args(program.get_args())
        .args(["--listen", "127.0.0.1:0", "--log-dir"])
        .arg(&state.path)
        .args(args);
    Some(TestServer::start_command(command, state))
}

/// A path on the disk that only the server sees.
fn on_disk(server: &TestServer, name: &str) -> PathBuf {
    let inside = server.state.join(name);
    PathBuf::from(format!("/proc/{}/root", server.pid())).join(inside.strip_prefix("/").unwrap())
}

#[test]
fn a_disk_that_fills_up_and_is_cleared_costs_lines_of_the_signaling_log_and_nothing_else() {
    let Some(mut server) = start(128, ":", &["--signaling-log", "true", "--max-messages-per-second", "0"])
    else {
        return;
    };
    let neighbours = Neighbours::seat(&server);
    let taken = Taken::by(&server);
    let log = on_disk(&server, "signaling.jsonl");
    wait_until("lines", || fs::read_to_string(&log).is_ok_and(|text| text.lines().count() > 20));

    let ballast = on_disk(&server, "ballast");
    let error = fs::write(&ballast, [b'x'; 256 * 1024]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(28), "ENOSPC: {error}");
    server.wait_for_log("cannot be written, lines are lost");
    // Newcomers come in, and a reload is none the worse for it.
    let mut newcomers = [(); 2].map(|()| Wire::join(server.address, "door"));
    server.signal("HUP");
    server.wait_for_log("the configuration was read again");
    newcomers[0].text(r#"{"type":"offer"}"#);
    assert_eq!(newcomers[1].frame().text(), r#"{"type":"offer"}"#);
    drop(newcomers);

    fs::remove_file(&ballast).unwrap();
    server.wait_for_log("is written again");
    let lines = fs::read_to_string(&log).unwrap().lines().count();
    wait_until("more lines", || fs::read_to_string(&log).unwrap().lines().count() > lines + 20);
    taken.is_back(&server, "after a full disk");
    let rounds = neighbours.part();
    let said = server.whole_log();
    said.lines().filter(|line| line.contains("signaling log")).for_each(announce);
    let whole = fs::read_to_string(&log).unwrap();
    let is_json = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    let torn = whole.lines().filter(|line| !is_json(line)).count();
    let missing: usize = said
        .lines()
        .filter_map(|line| {
            line.split_once("signaling.jsonl is ")?
                .1
                .split_once(", ")?
                .1
                .split(' ')
                .next()?
                .parse::<usize>()
                .ok()
        })
        .sum();
    // Registers and an offer are in it as well.
    let all = 2 * rounds + 5;
    assert_eq!(whole.lines().count() - torn + missing, all, "{torn} torn: {said}");
    assert!(said.matches("cannot be written").count() <= 2, "once, and once more after the reload: {said}");
    assert!(server.is_alive());
}

#[test]
fn a_first_start_on_a_full_disk_serves_and_says_what_is_missing() {
    let Some(server) = start(4, "head -c 65536 /dev/zero >ballast 2>/dev/null || true", &[]) else { return };
    server.wait_for_log("lives in memory only");
    let clients = Trusting::new(&server);
    Neighbours::of([clients.join("a"), clients.join("a")]).part();
    Neighbours::seat(&server).part();
}

#[test]
fn a_log_on_a_full_disk_stops_nobody() {
    let program = program();
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$0" "$@" 2>/dev/full"#]).arg(program.get_program()).args(program.get_args());
    command.args(["--listen", "127.0.0.1:0", "--log-level", "debug", "--max-messages-per-second", "0"]);
    let mut server = TestServer::start_command(command, TempDir::new());
    let neighbours = Neighbours::seat(&server);
    let taken = Taken::by(&server);
    for room in 0..20 {
        Wire::join(server.address, &format!("room {room}")).settle();
    }
    taken.is_back(&server, "with a log that cannot be written");
    neighbours.part();
    assert!(server.is_alive());
}
