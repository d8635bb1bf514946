//! Packages as `cross/package` makes them, of a program that only says its version: a static suzu takes minutes, and is what `cross/release` has. What
//! happens with a `.deb` in a Debian is `cross/debian/test`.

// Once is enough.
#![cfg(all(feature = "tls", target_arch = "x86_64"))]

mod common;

use common::{announce, server::TempDir, skip};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const TARGET: &str = "x86_64-unknown-linux-musl";
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What a script says; `None` if it lacks something.
fn run(command: &mut Command) -> Option<String> {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(stdout).unwrap();
    if status.code() == Some(77) {
        skip(said.lines().last().unwrap_or_default().trim_start_matches("skipped: needs "));
        return None;
    }
    assert!(status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&stderr));
    Some(said)
}

/// A static program in suzu's place.
fn program(dir: &TempDir) -> Option<PathBuf> {
    let program = dir.join("program");
    let compiler = Command::new("cc")
        .args(["-static", "-s", "-x", "c", "-", "-o"])
        .arg(&program)
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut compiler) = compiler else {
        skip("cc");
        return None;
    };
    let source = format!("#include <stdio.h>\nint main(void) {{ puts(\"suzu {VERSION}\"); }}\n");
    compiler.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    assert!(compiler.wait().unwrap().success());
    Some(program)
}

fn package() -> Command {
    let mut command = Command::new(path("cross/package"));
    // The tool that packs is kept where the build keeps its own.
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    command
}

/// The packages of the program, in a folder.
fn pack(dir: &TempDir, out: &str) -> Option<Vec<PathBuf>> {
    let program = program(dir)?;
    Some(run(package().arg(TARGET).arg(program).arg(dir.join(out)))?.lines().map(PathBuf::from).collect())
}

#[test]
fn the_deb_is_installed_upgraded_removed_and_purged() {
    let dir = TempDir::new();
    let Some(packages) = pack(&dir, "out") else { return };
    let mut command = Command::new(path("cross/debian/test"));
    command.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian")).arg(&packages[0]);
    let Some(said) = run(&mut command) else { return };
    for line in said.lines() {
        announce(&format!("debian: {line}"));
    }
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{said}");
    // Whoever packs it again has the same bytes.
    let again = pack(&dir, "again").unwrap();
    for (one, other) in packages.iter().zip(&again) {
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{one:?} differs");
    }
}

#[test]
fn what_is_not_for_the_target_is_not_packed() {
    let dir = TempDir::new();
    let Some(program) = program(&dir) else { return };
    let out = dir.join("out");
    let [program, out] = [&program, &out].map(|path| path.to_str().unwrap());
    for (args, code, why) in [
        (
            &["aarch64-unknown-linux-musl", program, out][..],
            1,
            "is not for aarch64-unknown-linux-musl: ELF 64-bit",
        ),
        (&["x86_64-unknown-linux-gnu", program, out], 1, "x86_64-unknown-linux-gnu is none of aarch64-"),
        (&[TARGET, "/etc/hosts", out], 1, "/etc/hosts is not for x86_64-unknown-linux-musl: ASCII text"),
        (&["--help"], 2, "package TARGET BINARY [FOLDER]"),
        (&["--help", program], 2, "package TARGET BINARY [FOLDER]"),
        (&[TARGET, program, "--out", out], 2, "package TARGET BINARY [FOLDER]"),
    ] {
        let output = package().args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && said.contains(why), "{args:?}: {said}");
        assert!(!Path::new(out).exists(), "{args:?}");
    }
}

#[test]
fn the_changelog_of_the_deb_begins_with_this_version() {
    let changelog = fs::read_to_string(path("cross/debian/changelog")).unwrap();
    assert!(changelog.starts_with(&format!("suzu ({VERSION}-1) ")), "{changelog}");
}

/// A machine's files, as far as install.sh looks at them.
struct Machine {
    dir: TempDir,
}

impl Machine {
    fn script(&self, name: &str, args: &[&str]) -> String {
        let output = Command::new("busybox")
            .args(["ash"])
            .arg(self.dir.join("unpacked").join(name))
            .args(args)
            .env("DESTDIR", self.dir.join("root"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.dir.join("root").join(name).exists()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.join("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join("root").join(name)).unwrap()
    }
}

/// A machine with the tarball unpacked; `None` if something is missing to make it.
fn machine() -> Option<Machine> {
    if Command::new("busybox").arg("true").status().is_err() {
        skip("busybox");
        return None;
    }
    let dir = TempDir::new();
    let packages = pack(&dir, "out")?;
    fs::create_dir(dir.join("unpacked")).unwrap();
    let tar = ["-x", "--strip-components=1", "-C"];
    run(Command::new("tar").args(tar).arg(dir.join("unpacked")).arg("-f").arg(&packages[1]))?;
    Some(Machine { dir })
}

#[test]
fn the_tarball_installs_itself_beside_systemd() {
    let Some(machine) = machine() else { return };
    fs::create_dir_all(machine.dir.join("root/etc/systemd/system")).unwrap();
    let said = machine.script("install.sh", &[]);
    assert!(said.contains("settings are in /etc/suzu/suzu.conf"), "{said}");
    let files = ["usr/local/bin/suzu", "etc/systemd/system/suzu.service", "etc/systemd/system/suzu.socket"];
    assert!(files.iter().all(|name| machine.has(name)));
    machine.write("etc/suzu/suzu.conf", "# mine\n");
    let said = machine.script("install.sh", &[]);
    assert!(said.contains("kept /etc/suzu/suzu.conf"), "{said}");
    assert_eq!(machine.read("etc/suzu/suzu.conf"), "# mine\n");
    machine.write("var/lib/private/suzu/authority.pem", "key");
    let said = machine.script("uninstall.sh", &[]);
    assert!(said.contains("kept /var/lib/private/suzu"), "{said}");
    assert!(!files.iter().any(|name| machine.has(name)));
    assert!(machine.has("etc/suzu/suzu.conf"));
    machine.script("uninstall.sh", &["--purge"]);
    assert!(!machine.has("etc/suzu") && !machine.has("var/lib/private/suzu"));
}

#[test]
fn the_tarball_installs_itself_on_openwrt() {
    let Some(machine) = machine() else { return };
    machine.write("etc/openwrt_release", "");
    machine.write("etc/config/suzu", "# mine\n");
    let said = machine.script("install.sh", &[]);
    assert!(said.contains("kept /etc/config/suzu"), "{said}");
    let files = ["usr/bin/suzu", "etc/init.d/suzu", "lib/upgrade/keep.d/suzu"];
    assert!(files.iter().all(|name| machine.has(name)));
    assert!(!machine.has("usr/local"));
    machine.script("uninstall.sh", &[]);
    assert!(!files.iter().any(|name| machine.has(name)));
    assert_eq!(machine.read("etc/config/suzu"), "# mine\n");
}
