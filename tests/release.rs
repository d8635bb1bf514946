//! `cross/release`, with programs in the place of those that take minutes: what it publishes, and what it refuses to.

mod common;

use common::{server::TempDir, skip};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Two targets, and budgets as `cross/common` has them.
const COMMON: &str = r#"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target_dir=$root/target
targets=(x86_64-unknown-linux-musl mipsel-unknown-linux-musl)
budget() { [ $# = 1 ] && echo 5 || echo 4; }
"#;

/// 5 bytes with everything, 4 without.
const BUILD: &str = r#"#!/bin/sh
mkdir -p target
if [ $# = 1 ]; then printf full2 >target/suzu; echo target/suzu; else printf less >target/suzu-router; echo target/suzu-router; fi
"#;

const PACKAGE: &str = r#"#!/bin/sh
cp "$2" "$3/$1-${2##*/}.tar.gz"
case $1 in x86_64-*) cp "$2" "$3/suzu_amd64.deb" ;; esac
"#;

struct Project {
    dir: TempDir,
}

impl Project {
    /// A project that has version 1.2.3 to release; `None` without git.
    fn new() -> Option<Self> {
        let project = Self { dir: TempDir::new() };
        let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/release");
        for (name, text) in [
            (".gitignore", "/target\n"),
            ("Cargo.toml", "[package]\nversion = \"1.2.3\"\n"),
            (
                "CHANGELOG.md",
                "# Changelog\n\n## 1.2.3 - 2026-12-01\n\n- One.\n- Two.\n\n## 1.2.2\n\n- Zero.\n",
            ),
            ("cross/release", &fs::read_to_string(release).unwrap()),
            ("cross/common", COMMON),
            ("cross/build", BUILD),
            ("cross/package", PACKAGE),
            ("cross/tool", "#!/bin/sh\necho \"$1\"\n"),
            ("cross/sbom", "#!/bin/sh\necho '{}' >\"$1\"\n"),
            ("cross/debian/test", "#!/bin/sh\nshift\n[ $# = 0 ] || echo \"tested ${1##*/}\"\n"),
            ("cross/debian/changelog", "suzu (1.2.3-1) unstable; urgency=medium\n"),
            ("cross/openwrt/Makefile", "PKG_VERSION:=1.2.3\n"),
        ] {
            project.write(name, text);
        }
        if Command::new("git").arg("--version").output().is_err() {
            skip("git");
            return None;
        }
        project.git(&["init", "-q"]);
        project.commit();
        Some(project)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn git(&self, args: &[&str]) {
        let who = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false"];
        let status = Command::new("git").current_dir(&self.dir.path).args(who).args(args).status().unwrap();
        assert!(status.success(), "git {args:?}");
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "all"]);
    }

    fn release(&self, args: &[&str]) -> Output {
        let mut command = Command::new(self.path("cross/release"));
        command.args(args).current_dir(&self.dir.path).env_remove("CARGO_TARGET_DIR");
        command.env_remove("SOURCE_DATE_EPOCH").output().unwrap()
    }

    /// What it says on standard error; nothing was released.
    fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.release(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(!self.path("target/release-1.2.3").exists());
        said
    }

    fn refuses(&self, why: &str) {
        let said = self.refused(&[], 1);
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn a_release_has_packages_changes_and_checksums() {
    let Some(project) = Project::new() else { return };
    let output = project.release(&[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("x86_64-unknown-linux-musl: 5 bytes (budget 5)\n"), "{said}");
    assert!(said.contains("mipsel-unknown-linux-musl --no-default-features: 4 bytes (budget 4)\n"), "{said}");
    assert!(said.contains("tested suzu_amd64.deb\n"), "{said}");
    let out = project.path("target/release-1.2.3");
    let mut names: Vec<_> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "CHANGES.md",
            "SHA256SUMS",
            "mipsel-unknown-linux-musl-suzu-router.tar.gz",
            "mipsel-unknown-linux-musl-suzu.tar.gz",
            "suzu-1.2.3.cdx.json",
            "suzu_amd64.deb",
            "x86_64-unknown-linux-musl-suzu.tar.gz",
        ]
    );
    assert_eq!(fs::read_to_string(out.join("CHANGES.md")).unwrap().trim_end(), "- One.\n- Two.");
    let sums = fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), names.len() - 1, "{sums}");
    let check =
        Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&out).status();
    assert!(check.unwrap().success());
}

#[test]
fn what_is_not_right_is_not_released() {
    let Some(project) = Project::new() else { return };
    project.write("Cargo.toml", "[package]\nversion = \"1.2.4\"\n");
    project.refuses("there are changes that are not committed");
    project.commit();
    project.refuses("CHANGELOG.md has no section ## 1.2.4");
    project.git(&["reset", "-q", "--hard", "HEAD~"]);
    project.write("cross/common", &COMMON.replace("echo 5", "echo 4"));
    project.commit();
    project.refuses("x86_64-unknown-linux-musl is too big");
}

#[test]
fn nothing_is_released_by_mistake() {
    let Some(project) = Project::new() else { return };
    for args in [&["--help"][..], &["-h"], &["one", "two"]] {
        let said = project.refused(args, 2);
        assert!(said.starts_with("release [FOLDER]: "), "{said}");
        assert!(!project.path("target").exists() && !project.path("one").exists(), "{args:?}");
    }
}

#[test]
fn what_git_does_not_know_is_not_released() {
    let Some(project) = Project::new() else { return };
    // What says nothing about changes.
    let head = fs::read(project.path(".git/HEAD")).unwrap();
    fs::write(project.path(".git/HEAD"), "nonsense\n").unwrap();
    project.refuses("cross/release: git cannot say what was changed");
    fs::write(project.path(".git/HEAD"), head).unwrap();
    // What is in another's folder is no part of the other's commits.
    let parent = Project { dir: TempDir::new() };
    parent.write(".gitignore", "*\n");
    parent.git(&["init", "-q"]);
    fs::remove_dir_all(project.path(".git")).unwrap();
    fs::rename(&project.dir.path, parent.path("project")).unwrap();
    let output = Command::new(parent.path("project/cross/release")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("this is no clone of the repository"), "{said}");
}

/// A release takes long, so what it lacks is said before.
#[test]
fn what_is_missing_is_said_at_the_start() {
    let Some(project) = Project::new() else { return };
    let none = "#!/bin/sh\necho built >&2\nexit 1\n";
    for (name, script, why) in [
        ("cross/tool", "#!/bin/sh\n[ $1 != cargo-deb ]\n", "needs cargo-deb"),
        ("cross/tool", "#!/bin/sh\n[ $1 != cargo-cyclonedx ]\n", "needs cargo-cyclonedx"),
        (
            "cross/debian/test",
            "#!/bin/sh\necho 'skipped: needs lintian'\nexit 77\n",
            "skipped: needs lintian\n",
        ),
    ] {
        project.write("cross/build", none);
        project.write(name, script);
        project.commit();
        let said = project.refused(&[], 1);
        assert!(said.contains(why) && !said.contains("built"), "{said}");
        project.git(&["reset", "-q", "--hard", "HEAD~"]);
    }
    // Nor is it lost what could not be packed in spite of that.
    project.write("cross/package", "#!/bin/sh\necho 'skipped: needs cargo-deb'\nexit 77\n");
    project.commit();
    let said = project.refused(&[], 77);
    assert!(said.contains("skipped: needs cargo-deb\n"), "{said}");
}
