//! `benches/instructions`, which compares what a conversation takes with what is stored: what it lets pass, and what it says. Cargo, rustc and valgrind
//! are stand-ins, because counting is not what is tested here.

mod common;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

const STORED: &str =
    "# figures\nrustc 1.0.0 (x)\ntarget pdp11\nlibc glibc 1.0\nayame 1000\nmesh 2000\nrelay 300\n";

/// A folder with the script, what is stored, and nothing to run but what it may.
struct Project(PathBuf);

impl Project {
    fn new(name: &str, stored: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions").join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("benches")).unwrap();
        fs::create_dir_all(root.join("bin")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions");
        fs::copy(script, root.join("benches/instructions")).unwrap();
        fs::write(root.join("benches/instructions.txt"), stored).unwrap();
        let project = Self(root);
        for tool in ["bash", "env", "dirname", "sed", "cut", "awk", "mktemp", "rm", "cat"] {
            let path = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
            let found = path.iter().find(|path| path.exists()).expect(tool);
            symlink(found, project.0.join("bin").join(tool)).unwrap();
        }
        project.tool("cargo", "");
        project.tool("getconf", "echo glibc 1.0");
        project.tool(
            "rustc",
            "printf 'rustc 1.0.0 (x)\\nhost: pdp11\\n' | sed -n \"$([ $1 = -vV ] && echo 2p || echo 1p)\"",
        );
        project
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.0.join("bin").join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A conversation of Ayame takes so many instructions, the others what is stored; and a run 5,000 of its own.
    fn counts(self, ayame: u32) -> Self {
        self.tool(
            "valgrind",
            &format!(
                "declare -A each=([ayame]={ayame} [mesh]=2000 [relay]=300)\n\
                 echo \"==7== Collected : $((5000 + each[$4] * $5))\" >&2"
            ),
        );
        self
    }

    fn run(&self, args: &[&str], ci: &str) -> (bool, String) {
        let mut command = Command::new(self.0.join("benches/instructions"));
        command.args(args).env("PATH", self.0.join("bin")).env("CI", ci);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    fn stored(&self) -> String {
        fs::read_to_string(self.0.join("benches/instructions.txt")).unwrap()
    }
}

#[test]
fn three_per_cent_more_pass_and_no_more() {
    for (count, passes, says) in [
        (1_000, true, "+0.00 %"),
        (1_030, true, "+3.00 %"),
        (1_031, false, "update knowingly"),
        (970, true, "-3.00 %"),
        (969, true, "update knowingly"),
    ] {
        let (passed, text) = Project::new(&format!("count-{count}"), STORED).counts(count).run(&[], "true");
        assert_eq!(passed, passes, "{count}: {text}");
        assert!(text.contains(says), "{count}: {text}");
        assert_eq!(text.contains("***"), says == "update knowingly", "{count}: {text}");
    }
}

#[test]
fn figures_are_stored_with_what_they_depend_on() {
    let project = Project::new("write", STORED).counts(700);
    let (passed, text) = project.run(&["--write"], "");
    assert!(passed, "{text}");
    let lines: Vec<_> = STORED.lines().map(|line| line.replace("ayame 1000", "ayame 700")).collect();
    let stored = project.stored();
    assert_eq!(stored.lines().skip(1).collect::<Vec<_>>(), lines[1..]);
    assert!(project.run(&[], "true").0);
}

#[test]
fn figures_of_another_compiler_are_not_compared() {
    for other in ["rustc 1.0.0 (x)", "target pdp11", "libc glibc 1.0"] {
        let stored = STORED.replace(other, &format!("{other}1"));
        let project = Project::new("other", &stored).counts(5_000);
        let (passed, text) = project.run(&[], "true");
        assert!(passed && text.contains("SKIPPED") && text.contains(other), "{text}");
    }
}

#[test]
fn ci_has_valgrind() {
    let project = Project::new("no-valgrind", STORED);
    let (passed, text) = project.run(&[], "");
    assert!(passed && text.contains("SKIPPED"), "{text}");
    let (passed, text) = project.run(&[], "true");
    assert!(!passed && text.contains("CI must not skip"), "{text}");
}

#[test]
fn a_conversation_without_a_figure_fails() {
    let project = Project::new("new", &STORED.replace("relay 300\n", "")).counts(1_000);
    let (passed, text) = project.run(&[], "");
    assert!(!passed && text.contains("relay: 300 instructions; none are stored"), "{text}");
}
