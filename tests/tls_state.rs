//! What outlives a restart: the authority, which every device trusts only once, and the certificate. And what happens when it cannot.

#![cfg(feature = "tls")]

mod common;

use common::{
    openssl::OpenSsl,
    server::{TempDir, TestServer, wait_until},
    start::{as_nobody, can_trace, refused, suzu},
    tls::{Trusting, ca_pem, client_config, shake_hands},
    wire::tcp,
};
use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

const IN_MEMORY: &str = "it lives in memory only, and after every restart each device has to trust a new one";

/// The certificate that a server shows to those who trust its authority, in DER.
fn certificate(server: &TestServer) -> Vec<u8> {
    Trusting::new(server).connect().stream.conn.peer_certificates().unwrap()[0].to_vec()
}

/// Runs a server on this directory, and shows its authority and its certificate; with the whole log.
fn visit(state: &Path, args: &[&str]) -> (String, Vec<u8>, String) {
    let server = TestServer::start_command(suzu(state, args), TempDir::new());
    (ca_pem(server.address), certificate(&server), whole_log(server))
}

/// Stops a server for the sake of its log: when the last line is there, all are.
fn whole_log(server: TestServer) -> String {
    server.signal("TERM");
    server.wait_for_log("stopped");
    server.whole_log()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The lines of a log at these levels.
fn complaints(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.starts_with("WARN") || line.starts_with("ERROR")).collect()
}

#[test]
fn what_it_makes_nobody_else_can_read() {
    let dir = TempDir::new();
    let state = dir.join("below").join("suzu");
    visit(&state, &[]);
    assert_eq!(mode(&state), 0o700);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        names.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    assert_eq!(names, ["authority.pem", "server.pem"].map(str::to_owned).into());
}

#[test]
fn a_second_start_has_the_same_authority_and_the_same_certificate() {
    let dir = TempDir::new();
    let (ca, first, log) = visit(&dir.path, &[]);
    assert!(log.contains("made a certificate for localhost"), "{log}");
    let (ca_again, second, log) = visit(&dir.path, &[]);
    assert!(ca_again == ca && second == first && !log.contains("made a"), "{log}");
}

#[test]
fn a_name_that_is_permitted_gets_a_new_certificate_of_the_same_authority() {
    let dir = TempDir::new();
    let (ca, first, _) = visit(&dir.path, &[]);
    let (ca_again, second, log) = visit(&dir.path, &["--tls-names", "other.local"]);
    assert!(ca_again == ca && second != first, "{log}");
    let server = TestServer::start_command(suzu(&dir.path, &["--tls-names", "other.local"]), TempDir::new());
    shake_hands(tcp(server.address), &client_config(&ca), "other.local").unwrap();
    assert_eq!(certificate(&server), second, "and keeps it");
}

#[test]
fn a_name_that_the_authority_was_not_made_for_is_warned_of_and_all_else_goes_on() {
    let dir = TempDir::new();
    let (ca, ..) = visit(&dir.path, &[]);
    let (ca_again, certificate, log) = visit(&dir.path, &["--tls-names", "door.example.com,door.lan"]);
    assert_eq!(ca_again, ca);
    let text = String::from_utf8_lossy(&certificate);
    assert!(text.contains("door.lan") && !text.contains("door.example.com"));
    let [warning] = complaints(&log)[..] else { panic!("not one warning: {log}") };
    for part in ["door.example.com", "tls_names", "remove authority.pem", "trust the new authority"] {
        assert!(warning.contains(part), "{part:?} is missing in {warning}");
    }
}

/// Ten starts at the same time on one directory. All get to serve, and whoever trusts what it is given then can rely on it afterwards.
fn ten_at_once(state: &Path) {
    let start = || TestServer::start_command(suzu(state, &[]), TempDir::new());
    let authorities: Vec<String> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..10).map(|_| scope.spawn(start)).collect();
        let servers: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
        servers.iter().map(|server| (ca_pem(server.address), certificate(server)).0).collect()
    });
    let (kept, ..) = visit(state, &[]);
    let others = authorities.iter().filter(|authority| **authority != kept).count();
    assert_eq!(others, 0, "of ten have another authority than the one that stays");
    let leftovers: Vec<_> = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!leftovers.iter().any(|name| name.to_str().unwrap().starts_with('.')), "{leftovers:?}");
}

#[test]
fn ten_first_starts_at_once_agree_on_one_authority() {
    for _ in 0..3 {
        let dir = TempDir::new();
        ten_at_once(&dir.path);
    }
}

#[test]
fn ten_starts_at_once_on_an_authority_that_is_garbage_agree_on_a_new_one() {
    for _ in 0..3 {
        let dir = TempDir::new();
        write_garbage(&dir);
        ten_at_once(&dir.path);
    }
}

fn write_garbage(dir: &TempDir) {
    fs::write(dir.join("authority.pem"), "garbage").unwrap();
    chmod(&dir.join("authority.pem"), 0o600);
}

#[test]
fn a_start_that_has_seen_garbage_takes_what_another_start_has_made_meanwhile() {
    let (dir, notes) = (TempDir::new(), TempDir::new());
    write_garbage(&dir);
    // The first one is held up for a second before it gives its own authority a name.
    let plain = suzu(&dir.path, &[]);
    let mut held_up = Command::new("strace");
    let delay = "inject=?link,?linkat:delay_enter=1000000:when=1";
    held_up.args(["-D", "-f", "-qq", "-e", "trace=openat,?link,?linkat", "-e", delay, "-o"]);
    held_up.arg(notes.join("trace")).arg(plain.get_program()).args(plain.get_args());
    if !can_trace() {
        return;
    }
    let ca = std::thread::scope(|scope| {
        let first = scope.spawn(|| TestServer::start_command(held_up, TempDir::new()));
        wait_until("the first to have read the garbage", || {
            fs::read_to_string(notes.join("trace")).is_ok_and(|trace| trace.contains("authority.pem"))
        });
        let second = TestServer::start_command(suzu(&dir.path, &[]), TempDir::new());
        let ca = ca_pem(second.address);
        assert_eq!(ca_pem(first.join().unwrap().address), ca);
        ca
    });
    assert_eq!(visit(&dir.path, &[]).0, ca, "whoever trusted it then trusts it now");
}

#[test]
fn without_a_directory_that_can_be_written_the_authority_is_in_memory_and_a_warning_says_what_that_means() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "").unwrap();
    let below_a_file = dir.join("file").join("suzu");
    let below_a_file = below_a_file.to_str().unwrap();
    let mut nowhere = Command::new("env");
    nowhere.args(["-u", "STATE_DIRECTORY", "-u", "XDG_STATE_HOME", "-u", "HOME", env!("CARGO_BIN_EXE_suzu")]);
    nowhere.args(["--listen", "127.0.0.1:0"]);
    for (command, why) in [
        (suzu(Path::new(below_a_file), &[]), below_a_file),
        (suzu(Path::new("/proc/suzu"), &[]), "/proc/suzu"),
        (nowhere, "neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME is set"),
    ] {
        let server = TestServer::start_command(command, TempDir::new());
        certificate(&server);
        let log = whole_log(server);
        let [warning] = complaints(&log)[..] else { panic!("not one warning: {log}") };
        assert!(warning.contains(why) && warning.contains(IN_MEMORY), "{warning}");
        assert!(warning.contains("state_dir"), "{warning}");
    }
}

#[test]
fn a_directory_of_somebody_else_is_as_good_as_none() {
    let Some((dir, program, nobody)) = as_nobody() else { return };
    let state = dir.join("roots");
    fs::create_dir(&state).unwrap();
    chmod(&state, 0o755);
    let mut command = Command::new(nobody[0]);
    command.args(&nobody[1..]).arg(&program).args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(&state);
    let server = TestServer::start_command(command, TempDir::new());
    certificate(&server);
    let log = whole_log(server);
    assert!(log.contains(IN_MEMORY), "{log}");
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
}

#[test]
fn the_directory_is_where_systemd_or_the_user_has_such_things() {
    let dir = TempDir::new();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let without = ["-u", "STATE_DIRECTORY", "-u", "XDG_STATE_HOME", "-u", "HOME"];
    for (variables, expected) in [
        (vec![format!("HOME={}", path("a"))], "a/.local/state/suzu"),
        (vec![format!("HOME={}", path("b")), format!("XDG_STATE_HOME={}", path("c"))], "c/suzu"),
        (
            vec![
                format!("XDG_STATE_HOME={}", path("d")),
                format!("STATE_DIRECTORY={}:{}", path("e"), path("f")),
            ],
            "e",
        ),
    ] {
        let mut command = Command::new("env");
        command.args(without).args(variables).arg(env!("CARGO_BIN_EXE_suzu"));
        drop(TestServer::start_command(
            {
                command.args(["--listen", "127.0.0.1:0"]);
                command
            },
            TempDir::new(),
        ));
        assert!(dir.join(expected).join("authority.pem").exists(), "{expected}");
    }
}

#[test]
fn an_authority_that_is_garbage_is_left_alone_and_a_new_one_made() {
    let dir = TempDir::new();
    let (ca, ..) = visit(&dir.path, &[]);
    let whole = fs::read(dir.join("authority.pem")).unwrap();
    for (name, garbage) in [
        ("nothing", &b""[..]),
        ("text", b"garbage"),
        ("half of it", &whole[..whole.len() / 2]),
        ("bytes", &[0xff; 500]),
    ] {
        let dir = TempDir::new();
        write_garbage(&dir);
        fs::write(dir.join("authority.pem"), garbage).unwrap();
        let (new, _, log) = visit(&dir.path, &[]);
        assert_ne!(new, ca, "{name}");
        let [error] = complaints(&log)[..] else { panic!("{name}: not one error: {log}") };
        for part in ["authority.pem: ", "another authority is used or made, which every device has to trust"]
        {
            assert!(error.starts_with("ERROR") && error.contains(part), "{name}: {error}");
        }
        assert!(fs::read(dir.join("authority.pem")).unwrap() == garbage, "{name}: it is kept");
        assert_eq!(visit(&dir.path, &[]).0, new, "{name}: the new one stays");
    }
}

#[test]
fn a_certificate_that_is_garbage_is_made_again() {
    let dir = TempDir::new();
    let (ca, first, _) = visit(&dir.path, &[]);
    for garbage in ["", "garbage"] {
        fs::write(dir.join("server.pem"), garbage).unwrap();
        let (ca_again, second, log) = visit(&dir.path, &[]);
        assert!(ca_again == ca && second != first && complaints(&log).len() == 1, "{log}");
    }
}

#[test]
fn a_key_that_everybody_can_read_is_refused_with_the_chmod_that_mends_it() {
    for name in ["authority.pem", "server.pem"] {
        let dir = TempDir::new();
        let (ca, ..) = visit(&dir.path, &[]);
        let key = dir.join(name);
        for (open, mend) in [(0o644, true), (0o602, true), (0o604, true), (0o601, true), (0o640, false)] {
            chmod(&key, open);
            if !mend {
                assert_eq!(visit(&dir.path, &[]).0, ca, "its group may read it");
                continue;
            }
            let (code, complaint) = refused(suzu(&dir.path, &[]));
            assert_eq!((code, complaint.lines().count()), (1, 1), "{open:o}: {complaint}");
            let command = format!("chmod 600 {}", key.display());
            assert!(complaint.starts_with("suzu: ") && complaint.contains(&command), "{complaint}");
            assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
            assert_eq!(visit(&dir.path, &[]).0, ca, "{open:o}: the command mends it");
        }
    }
}

#[test]
fn a_key_that_cannot_be_read_is_refused_with_what_would_be_right() {
    let Some((dir, program, nobody)) = as_nobody() else { return };
    let state = dir.join("state");
    visit(&state, &[]);
    chmod(&state, 0o755);
    let start = || {
        let mut command = Command::new(nobody[0]);
        command.args(&nobody[1..]).arg(&program).args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(&state);
        command
    };
    let key = state.join("authority.pem");
    for is_hidden in [false, true] {
        chmod(&state, if is_hidden { 0o700 } else { 0o755 });
        let (code, complaint) = refused(start());
        assert_eq!(code, 1, "{complaint}");
        let mend = format!("chown USER {0} && chmod 600 {0}", key.display());
        assert!(complaint.lines().count() == 1 && complaint.contains(&mend), "{is_hidden}: {complaint}");
    }
}

#[test]
fn what_a_power_cut_left_behind_long_ago_is_removed() {
    let dir = TempDir::new();
    let (old, young) =
        (dir.join(".authority.pem.0123456789abcdef"), dir.join(".server.pem.0123456789abcdef"));
    for path in [&old, &young] {
        fs::write(path, "half").unwrap();
    }
    let touched = Command::new("touch").args(["-d", "2 hours ago"]).arg(&old).status().unwrap();
    assert!(touched.success());
    visit(&dir.path, &[]);
    assert!(!old.exists() && young.exists(), "a young one may be another start's");
}

/// Runs a server under a clock that says something else, in the words of faketime(1).
fn visit_at(clock: &str, state: &Path) -> Option<(String, String)> {
    // The program faketime would stand between the server and its test: what it would do is done here.
    let Ok(output) = Command::new("faketime").args(["now", "printenv", "LD_PRELOAD"]).output() else {
        common::skip("faketime");
        return None;
    };
    let mut command = suzu(state, &[]);
    command.env("LD_PRELOAD", String::from_utf8(output.stdout).unwrap().trim());
    command.env("FAKETIME", clock).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = TestServer::start_command(command, TempDir::new());
    Some((ca_pem(server.address), whole_log(server)))
}

#[test]
fn a_clock_that_was_never_set_makes_no_certificate_of_its_time() {
    let Some(openssl) = OpenSsl::find() else { return };
    let dir = TempDir::new();
    let Some((ca, log)) = visit_at("@1990-01-02 03:04:05", &dir.path) else { return };
    assert!(complaints(&log).iter().any(|line| line.contains("the clock says 63")), "{log}");
    for name in ["authority.pem", "server.pem"] {
        let dates = openssl.run(&format!("x509 -noout -dates -in {}", dir.join(name).display()));
        assert!(!dates.contains("199") && dates.contains("notBefore="), "{name}: {dates}");
        openssl.run(&format!("x509 -noout -checkend 8640000 -in {}", dir.join(name).display()));
    }
    // And it is good for those whose clock is right.
    let (ca_again, certificate, log) = visit(&dir.path, &[]);
    assert!(ca_again == ca && complaints(&log).is_empty(), "{log}");
    // What was made by a good clock is kept under a bad one.
    visit_at("@1990-01-02 03:04:05", &dir.path);
    let (ca_again, again, _) = visit(&dir.path, &[]);
    assert!(ca_again == ca && again == certificate);
}

#[test]
fn at_two_thirds_of_its_life_the_certificate_is_renewed_by_the_same_authority() {
    let Some(openssl) = OpenSsl::find() else { return };
    let dir = TempDir::new();
    let (ca, ..) = visit(&dir.path, &[]);
    let serial = || openssl.run(&format!("x509 -noout -serial -in {}", dir.join("server.pem").display()));
    let first = serial();
    for (clock, is_renewed) in [("+260d", false), ("+300d", true), ("+3y", true)] {
        let before = serial();
        let Some((ca_again, log)) = visit_at(clock, &dir.path) else { return };
        assert_eq!(ca_again, ca, "{clock}: {log}");
        assert_eq!(serial() != before, is_renewed, "{clock}: {log}");
    }
    assert_ne!(serial(), first);
}
