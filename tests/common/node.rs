//! The programs in tests/browser, run by Node against a real server.

use super::{announce, server::TestServer, skip, start::program};
use std::{
    ffi::OsStr,
    iter,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
};

/// What they exit with when something that they need is not installed.
const SKIPPED: i32 = 77;

/// Runs a script with the server's URL and these arguments, shows what it prints with `label` before each line, and returns it; `None` if
/// it had to be skipped.
pub fn run(server: &TestServer, script: &str, args: &[&str], label: &str) -> Option<String> {
    let url = format!("ws://{}", server.address);
    run_command(Command::new("node").arg(script).arg(url).args(args), label)
}

/// The same for any command that runs Node.
pub fn run_command(node: &mut Command, label: &str) -> Option<String> {
    // For scenarios that stop and start a server of their own.
    let program = program();
    let words: Vec<_> = iter::once(program.get_program()).chain(program.get_args()).collect();
    node.env("SUZU_BIN", words.join(OsStr::new("\n")));
    node.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")).stdin(Stdio::null());
    let mut tries = 0;
    let output = loop {
        let Ok(output) = node.output() else {
            skip("node");
            return None;
        };
        // WebRTC for Node is native code that now and then crashes at its start, before it has met a server.
        tries += 1;
        match output.status.signal() {
            Some(signal) if tries < 3 && output.stdout.is_empty() => {
                announce(&format!("{label}: node died of signal {signal} without a word; once more"));
            }
            _ => break output,
        }
    };
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(SKIPPED) {
        let needs = text.lines().find_map(|line| line.strip_prefix("skipped: needs "));
        skip(needs.unwrap_or("something that the script did not name"));
        return None;
    }
    for line in text.lines() {
        announce(&format!("{label}: {line}"));
    }
    assert!(output.status.success(), "{}: {text}", output.status);
    Some(text)
}
