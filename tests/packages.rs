//! Packages as `cross/package` makes them, of a program that only says its version: a static suzu takes minutes, and is what `cross/release` has. What
//! happens with a `.deb` in a Debian is `cross/debian/test`.

// Once is enough.
#![cfg(all(feature = "tls", target_arch = "x86_64"))]

mod common;

use common::{announce, server::TempDir, skip};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
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
        let (code, said) = self.script_after(":", name, args);
        assert_eq!(code, Some(0), "{name}: {said}");
        said
    }

    /// The same after these words of a shell, in the folder with `unpacked` and `root`.
    fn script_after(&self, words: &str, name: &str, args: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new("busybox");
        command.args(["ash", "-c", &format!("{words}; exec busybox ash \"$0\" \"$@\"")]);
        command.arg(Path::new("unpacked").join(name)).args(args);
        said(command.current_dir(&self.dir.path).env("DESTDIR", self.dir.join("root")))
    }

    /// Lets install.sh have the machine to itself, with something that notes in `told` what systemd is told, or OpenWrt's services; false if that
    /// cannot be.
    fn is_alone(&self) -> bool {
        let root = self.dir.join("root");
        let notes = "#!/bin/sh\nwhile [ \"${1#/}\" != \"$1\" ]; do shift; done\ncase $1 in\n\
            --version) echo systemd 257 ;;\n\
            enabled) [ -e /on ]; exit ;;\n\
            *) echo \"$*\" >>/told ;;\n\
            esac\n\
            case $1 in enable) : >/on ;; restart | try-restart) [ ! -e /broken ] ;; esac\n";
        for name in ["usr/bin/systemctl", "etc/rc.common"] {
            self.write(name, notes);
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let script = "mkdir -p root/bin root/run && cp -r unpacked root/ && cp \"$(command -v busybox)\" root/bin/ && \
            exec chroot root /bin/busybox --install -s /bin";
        let status = Command::new("sh").args(["-c", script]).current_dir(&self.dir.path).status().unwrap();
        if !status.success() {
            skip("root and busybox-static, for a chroot");
        }
        status.success()
    }

    /// What install.sh says there, and what the services were told.
    fn install_alone(&self) -> (Option<i32>, String, String) {
        let _ = fs::remove_file(self.dir.join("root/told"));
        let mut command = Command::new("chroot");
        command.arg(self.dir.join("root")).args(["/bin/busybox", "ash", "/unpacked/install.sh"]);
        let (code, said) = said(command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env_remove("DESTDIR"));
        let told = fs::read_to_string(self.dir.join("root/told")).unwrap_or_default();
        (code, said, told.trim_end().replace('\n', ", "))
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

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.dir.join("root").join(name)).unwrap().permissions().mode() & 0o777
    }
}

/// How it ended, and all that it said.
fn said(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
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

#[test]
fn suzu_can_read_its_settings_whatever_the_umask() {
    let Some(machine) = machine() else { return };
    machine.write("etc/systemd/system/other.service", "");
    let (code, said) = machine.script_after("umask 077", "install.sh", &[]);
    assert_eq!(code, Some(0), "{said}");
    let names = ["etc/suzu", "etc/suzu/suzu.conf", "usr/local/bin/suzu", "etc/systemd/system/suzu.service"];
    assert_eq!(names.map(|name| machine.mode(name)), [0o755, 0o644, 0o755, 0o644]);
}

#[test]
fn words_that_a_script_does_not_know_do_nothing() {
    let Some(machine) = machine() else { return };
    for (word, code) in [("--help", 0), ("-h", 2), ("--purge", 2)] {
        let (ended, said) = machine.script_after(":", "install.sh", &[word]);
        assert!(ended == Some(code) && said.starts_with("install.sh: installs"), "{word}: {said}");
        assert!(!machine.has("usr"), "{word}");
    }
    machine.script("install.sh", &[]);
    for (args, code) in [(&["--help"][..], 0), (&["--pruge"], 2), (&["--purge", "--no"], 2)] {
        let (ended, said) = machine.script_after(":", "uninstall.sh", args);
        assert!(
            ended == Some(code) && said.starts_with("uninstall.sh [--purge]: removes"),
            "{args:?}: {said}"
        );
        assert!(machine.has("usr/local/bin/suzu") && machine.has("etc/suzu/suzu.conf"), "{args:?}");
    }
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let Some(machine) = machine() else { return };
    machine.write("usr/local/bin/suzu", "old");
    // Files cannot grow past a few blocks.
    let (code, said) = machine.script_after("trap '' XFSZ; ulimit -f 8", "install.sh", &[]);
    let why = "install.sh: /usr/local/bin/suzu could not be written, and is as it was\n";
    assert!(code == Some(1) && said.ends_with(why), "{said}");
    assert_eq!(machine.read("usr/local/bin/suzu"), "old");
    assert!(!machine.has("usr/local/bin/suzu.new"));
}

#[test]
fn folders_are_meant_from_where_one_is() {
    let Some(machine) = machine() else { return };
    // Where CDPATH would lead to.
    fs::create_dir_all(machine.dir.join("decoy/unpacked")).unwrap();
    let words = "export DESTDIR=root CDPATH=$PWD/decoy";
    let (code, said) = machine.script_after(words, "install.sh", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(machine.has("usr/local/bin/suzu"), "{said}");
    let (code, said) = machine.script_after(words, "uninstall.sh", &[]);
    assert!(code == Some(0) && !machine.has("usr/local/bin/suzu"), "{said}");
}

#[test]
fn what_is_for_an_old_systemd_is_there_while_that_is() {
    let Some(machine) = machine() else { return };
    let drop_in = "etc/systemd/system/suzu.service.d/before-253.conf";
    let library = |version| format!("usr/lib/aarch64-linux-gnu/systemd/libsystemd-shared-{version}.so");
    machine.write("etc/systemd/system/other.service", "");
    for (version, is_old) in [("252", true), ("257", false), ("247", true), ("254.5-1.fc39", false)] {
        machine.write(&library(version), "");
        machine.script("install.sh", &[]);
        assert_eq!(machine.has(drop_in), is_old, "{version}");
        fs::remove_file(machine.dir.join("root").join(library(version))).unwrap();
    }
}

#[test]
fn an_upgrade_keeps_what_an_administrator_has_disabled() {
    let Some(machine) = machine() else { return };
    machine.write("run/systemd/system/x", "");
    if !machine.is_alone() {
        return;
    }
    let (code, said, told) = machine.install_alone();
    assert_eq!(
        (code, &*told),
        (Some(0), "daemon-reload, enable suzu.service, restart suzu.service"),
        "{said}"
    );
    let (code, said, told) = machine.install_alone();
    assert_eq!((code, &*told), (Some(0), "daemon-reload, try-restart suzu.service"), "{said}");
    assert!(said.starts_with("kept /etc/suzu/suzu.conf\ninstalled; "), "{said}");
    machine.write("broken", "");
    let (code, said, _) = machine.install_alone();
    let why = "\ninstall.sh: installed, but it does not start: journalctl -u suzu\n";
    assert!(code == Some(1) && said.ends_with(why), "{said}");
}

#[test]
fn an_upgrade_keeps_what_is_disabled_on_openwrt() {
    let Some(machine) = machine() else { return };
    machine.write("etc/openwrt_release", "");
    if !machine.is_alone() {
        return;
    }
    for (first, then) in [("enable, restart", "restart"), ("", "")] {
        let (code, said, told) = machine.install_alone();
        assert_eq!((code, &*told), (Some(0), first), "{said}");
        let (code, said, told) = machine.install_alone();
        assert_eq!((code, &*told), (Some(0), then), "{said}");
        fs::remove_file(machine.dir.join("root/on")).unwrap_or_default();
    }
}

#[test]
fn a_suzu_for_other_machines_is_not_installed() {
    let Some(machine) = machine() else { return };
    machine.write("usr/local/bin/suzu", "old");
    let program = machine.dir.join("unpacked/suzu");
    let mut bytes = fs::read(&program).unwrap();
    // The machine that it is for: none that there is.
    bytes[18..20].fill(0xff);
    fs::write(&program, bytes).unwrap();
    if !machine.is_alone() {
        return;
    }
    let (code, said, told) = machine.install_alone();
    assert!(code == Some(1) && said.contains("install.sh: this suzu does not run here"), "{said}");
    assert_eq!((&*machine.read("usr/local/bin/suzu"), &*told), ("old", ""));
    assert!(!machine.has("etc/suzu"));
}
