//! Starts of the program that are no plain ones: with an environment of their own, as somebody else, or in vain.

use super::server::{DEADLINE, TempDir};
use std::{
    env, fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Instant,
};

/// The program that is tested: the one that cargo has built, or another and what runs it, as in
/// `SUZU_UNDER_TEST="qemu-arm-static -cpu arm1176 /path/to/suzu"`.
pub fn program() -> Command {
    let another = env::var("SUZU_UNDER_TEST").unwrap_or_default();
    let mut words = another.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(env!("CARGO_BIN_EXE_suzu")));
    command.args(words);
    command
}

/// Whether something runs the program that is tested: it is slow then.
pub fn is_emulated() -> bool {
    program().get_args().next().is_some()
}

/// The program on a free port with a state directory.
pub fn suzu(state: &Path, args: &[&str]) -> Command {
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(state).args(args);
    command
}

/// Runs a start that must end by itself without having listened; the exit code and what it complained of on standard error.
pub fn refused(mut command: Command) -> (i32, String) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Guarded(child);
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it runs, though it should have refused to");
        thread::yield_now();
    };
    let (mut said, mut complaint) = (String::new(), String::new());
    child.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!(said, "", "it was ready: {complaint}");
    let complaint = complaint.split_inclusive('\n').filter(|line| !line.starts_with("INFO")).collect();
    (status.code().expect("it was killed"), complaint)
}

/// A process that does not outlive its test.
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A copy of the program where everybody can run it, and the words that run something as nobody, who may do nothing. `None` if this user cannot
/// become nobody.
pub fn as_nobody() -> Option<(TempDir, PathBuf, [&'static str; 4])> {
    let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let can = Command::new(words[0]).args(&words[1..]).arg("true").stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        super::skip("root and setpriv");
        return None;
    }
    let dir = TempDir::new();
    let program = dir.join("suzu");
    fs::copy(env!("CARGO_BIN_EXE_suzu"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Some((dir, program, words))
}

/// Whether programs can be run under strace here; said loudly if not.
pub fn can_trace() -> bool {
    let status =
        Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let can = status.is_ok_and(|status| status.success());
    if !can {
        super::skip("strace, and permission to trace");
    }
    can
}
