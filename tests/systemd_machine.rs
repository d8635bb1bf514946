//! suzu as a service of a real systemd, in a machine of its own: `tests/machine/checks` is what happens there, and says how it went over the
//! machine's second serial port.

// Once is enough, and the build for routers is not for machines with systemd.
#![cfg(all(feature = "tls", target_arch = "x86_64"))]
#![allow(clippy::disallowed_methods, reason = "the deadlines of tests are read from the clock")]

mod common;

use common::{announce, server::TempDir, skip, start::Guarded};
use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// From power on to power off, emulated on a machine that has other things to do as well.
const DEADLINE: Duration = Duration::from_secs(300);

/// What is checked there, in this order.
const CHECKS: [&str; 29] = [
    "systemd_is_new_enough",
    "the_readme_installs_it",
    "verify_has_no_complaint",
    "exposure_is_low",
    "it_listens_by_itself",
    "its_user_is_nobody_else",
    "it_is_locked_in",
    "status_says_who_is_there",
    "memory_is_bounded_by_the_ceiling",
    "only_root_may_administer",
    "the_journal_has_priorities_and_fields",
    "the_signaling_log_has_a_place",
    "reload_takes_effect",
    "reload_of_a_bad_file_changes_nothing",
    "the_watchdog_is_fed_when_nobody_is_there",
    "the_watchdog_restarts_a_hung_suzu",
    "a_crash_costs_no_certificate",
    "a_mended_file_is_found_by_itself",
    "secrets_need_not_be_there_and_are_taken",
    "names_are_looked_up",
    "stop_is_clean",
    "the_socket_waits_alone",
    "the_first_client_starts_it",
    "all_three_sockets_are_served",
    "a_restart_refuses_nobody",
    "the_example_drop_in_works",
    "the_drop_in_for_older_systemd_works",
    "resolved_advertises_it",
    "avahi_advertises_it",
];

#[test]
fn the_units_do_what_they_say_under_a_real_systemd() {
    if Command::new("qemu-system-x86_64").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("qemu-system-x86, mmdebstrap, cpio");
    }
    let Some(base) = base() else { return };
    let dir = TempDir::new();
    let report = run(&base, &dir);
    for line in &report {
        announce(&format!("machine: {line}"));
    }
    let verdicts: Vec<_> =
        report.iter().filter(|line| line.starts_with("ok ") || line.starts_with("FAIL ")).collect();
    for (place, check) in CHECKS.iter().enumerate() {
        let verdict = verdicts.get(place).map_or("nothing", |line| line.as_str());
        let is_ok = verdict.strip_prefix("ok ").is_some_and(|rest| rest.split(' ').next() == Some(check));
        assert!(is_ok, "{check}: {verdict}\n{}", console(&dir));
    }
    assert_eq!(verdicts.len(), CHECKS.len(), "checks that are not in the list");
    assert_eq!(report.last().map(String::as_str), Some("done"), "{}", console(&dir));
}

/// Runs one of the scripts in `tests/machine`; what it says.
fn script(name: &str, args: &[&Path]) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine").join(name);
    let output = Command::new(script).args(args).stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(77) {
        skip(said.trim().trim_start_matches("skipped: needs "));
        return None;
    }
    assert!(output.status.success(), "{name}: {said}");
    Some(said)
}

/// The machine without suzu, made once and kept where the build keeps its own; the folder that it is in.
fn base() -> Option<PathBuf> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("machine");
    Some(PathBuf::from(script("base", &[&cache])?.trim()))
}

/// Lets the machine run until it is through, with suzu in it; what came out of its second serial port.
fn run(base: &Path, dir: &TempDir) -> Vec<String> {
    let initrd = dir.join("initrd");
    let overlay = dir.join("overlay.cpio");
    script("overlay", &[Path::new(env!("CARGO_BIN_EXE_suzu")), &overlay]);
    // The kernel unpacks one archive after the other.
    let mut file = fs::File::create(&initrd).unwrap();
    for part in [base.join("base.cpio"), overlay] {
        io::copy(&mut fs::File::open(part).unwrap(), &mut file).unwrap();
    }
    let mut qemu = Command::new("qemu-system-x86_64");
    // Without cmpxchg16b: qemu 7.2 gets its flags wrong now and then, and the kernel dies of it.
    qemu.args(["-accel", "tcg", "-cpu", "max,-cx16", "-smp", "1", "-m", "512"]);
    qemu.args(["-nodefaults", "-display", "none", "-no-reboot"]);
    qemu.arg("-kernel").arg(base.join("vmlinuz")).arg("-initrd").arg(&initrd);
    qemu.args([
        "-append",
        "console=ttyS0 quiet panic=-1 systemd.show_status=0 systemd.unit=suzu-checks.service",
    ]);
    qemu.arg("-serial").arg(format!("file:{}", dir.join("console").display())).args(["-serial", "stdio"]);
    let child = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut machine = Guarded(child);

    let (lines, report) = mpsc::channel();
    let port = BufReader::new(machine.0.stdout.take().unwrap());
    thread::spawn(move || port.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let deadline = Instant::now() + DEADLINE;
    let mut said = Vec::new();
    // Until it has no more to say, or no more time.
    while let Ok(line) = report.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        said.push(line.trim_end().to_owned());
    }
    said
}

/// The end of what the kernel said.
fn console(dir: &TempDir) -> String {
    let console = fs::read(dir.join("console")).unwrap_or_default();
    // Without what is meant for a terminal.
    let console = String::from_utf8_lossy(&console).replace(|c: char| c.is_control() && c != '\n', "");
    let lines: Vec<_> = console.lines().collect();
    format!("the console:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
}
