//! A first start that is cut off at any moment, or finds the disk full: what it leaves behind is good for the next one.

#![cfg(feature = "tls")]

mod common;

use common::{
    server::{DEADLINE, TempDir, TestServer},
    start::{Guarded, can_trace, suzu},
    tls::{Trusting, WELL, ca_pem},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

/// What changes files, and what makes a change last. A question mark: not every machine has it.
const CALLS: [&str; 20] = [
    "openat",
    "?mkdir",
    "mkdirat",
    "write",
    "?writev",
    "?pwrite64",
    "fsync",
    "?fdatasync",
    "?link",
    "linkat",
    "?rename",
    "?renameat",
    "renameat2",
    "?unlink",
    "unlinkat",
    "?chmod",
    "fchmod",
    "fchmodat",
    "ftruncate",
    "close",
];

/// Suzu under strace, as its parent's child, so that a signal reaches it and not strace.
fn traced(state: &Path, rule: &[&str]) -> Command {
    let plain = suzu(state, &[]);
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq"]).args(rule).arg(plain.get_program()).args(plain.get_args());
    command
}

/// A moment of a first start: a call, which one of its kind, and whether it is about the state directory.
struct Moment {
    call: String,
    n: usize,
    is_about_state: bool,
}

/// All of them.
fn moments() -> Vec<Moment> {
    let (dir, notes) = (TempDir::new(), TempDir::new());
    let (state, trace) = (dir.join("suzu"), notes.join("trace"));
    let rule = ["-y", "-e", &format!("trace={}", CALLS.join(",")), "-o", trace.to_str().unwrap()];
    drop(TestServer::start_command(traced(&state, &rule), TempDir::new()));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let trace = fs::read_to_string(trace).unwrap();
    // "1234 openat(AT_FDCWD, ..."
    let calls = trace.lines().filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('));
    calls
        .map(|(call, rest)| {
            let n = counts.entry(call.to_owned()).and_modify(|n| *n += 1).or_insert(1);
            Moment { call: call.to_owned(), n: *n, is_about_state: rest.contains(state.to_str().unwrap()) }
        })
        .collect()
}

/// Starts and ends: true if it was killed before it was ready.
fn is_cut_off(command: &mut Command) -> bool {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = Guarded(spawned.unwrap());
    let stdout = BufReader::new(child.0.stdout.take().unwrap());
    let (lines, banner) = mpsc::channel();
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    loop {
        match banner.recv_timeout(DEADLINE) {
            Ok(line) if line.starts_with("open ") => return false,
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                assert_eq!(child.0.wait().unwrap().signal(), Some(9), "it ended by itself");
                return true;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it neither started nor ended"),
        }
    }
}

/// What must hold for what a start has left behind, and for the next one on it.
fn is_valid_afterwards(state: &Path, when: &str) {
    let authority = state.join("authority.pem");
    let before = fs::read(&authority).ok();
    for entry in fs::read_dir(state).into_iter().flatten() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{when}: others can read {path:?}");
    }
    let server = TestServer::start_command(suzu(state, &[]), TempDir::new());
    let answer = Trusting::new(&server).connect().exchange(WELL);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{when}: {answer}");
    let kept = fs::read(&authority).unwrap();
    assert!(
        before.is_none_or(|before| before == kept),
        "{when}: there was an authority, and now there is another"
    );
    assert!(
        String::from_utf8(kept).unwrap().starts_with(&ca_pem(server.address)),
        "{when}: it serves another"
    );
    let log = server.whole_log();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{when}: {log}");
    assert!(!state.join("authority.pem.unusable").exists(), "{when}: it was found unusable");
}

/// What strace does to the call at that moment.
fn rule(moment: &Moment, what: &str) -> [String; 6] {
    let Moment { call, n, .. } = moment;
    let inject = format!("inject={call}:{what}:when={n}");
    [
        "-o".to_owned(),
        "/dev/null".to_owned(),
        "-e".to_owned(),
        format!("trace={call}"),
        "-e".to_owned(),
        inject,
    ]
}

#[test]
fn a_first_start_that_is_cut_off_at_any_moment_leaves_a_good_state() {
    if !can_trace() {
        return;
    }
    let moments = moments();
    for needed in ["openat", "write", "fsync"] {
        let is_it = |moment: &&Moment| moment.call == needed && moment.is_about_state;
        assert!(moments.iter().filter(is_it).count() >= 2, "two files are made with {needed}");
    }
    let is_cut = |moment: &&Moment| {
        let dir = TempDir::new();
        let state = dir.join("suzu");
        let rule = rule(moment, "signal=SIGKILL");
        let is_cut = is_cut_off(&mut traced(&state, &rule.each_ref().map(String::as_str)));
        is_valid_afterwards(&state, &format!("cut at {} {}", moment.call, moment.n));
        is_cut
    };
    let (one, other) = moments.split_at(moments.len() / 2);
    let cut: usize = thread::scope(|scope| {
        let halves = [one, other].map(|half| scope.spawn(|| half.iter().filter(is_cut).count()));
        halves.into_iter().map(|half| half.join().unwrap()).sum()
    });
    // The last calls may be those after the banner.
    assert!(cut + 5 >= moments.len(), "only {cut} of {} were cut off", moments.len());
}

#[test]
fn a_first_start_on_a_full_disk_leaves_a_good_state() {
    if !can_trace() {
        return;
    }
    let can_fail =
        ["write", "fsync", "link", "linkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat"];
    let is_it = |moment: &Moment| moment.is_about_state && can_fail.contains(&&*moment.call);
    for moment in moments().into_iter().filter(is_it) {
        let when = format!("full at {} {}", moment.call, moment.n);
        let dir = TempDir::new();
        let state = dir.join("suzu");
        let rule = rule(&moment, "error=ENOSPC");
        let command = traced(&state, &rule.each_ref().map(String::as_str));
        let server = TestServer::start_command(command, TempDir::new());
        let answer = Trusting::new(&server).connect().exchange(WELL);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{when}: {answer}");
        drop(server);
        is_valid_afterwards(&state, &when);
    }
}
