//! What the README says about settings is what the program says, as it is built by default.
#![cfg(feature = "tls")]

mod common;

use common::access::run;
use std::{fs, path::Path};
use suzu::config::help;

#[test]
fn the_readme_has_the_table_of_settings() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = help::table();
    assert!(readme.contains(&table), "README.md should have this table:\n\n{table}");
}

/// Of the machine that the tests run on, if it is the one of the table's last row.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_readme_has_the_ceilings_of_the_profiles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with("| `x86_64-unknown-linux-musl` |")).unwrap();
    let columns: Vec<_> = row.split(" | ").map(|column| column.trim_matches([' ', '|'])).collect();
    for (name, said) in ["router", "pi-zero", "pi-4"].iter().zip(&columns[columns.len() - 3..]) {
        let profile = root.join(format!("docs/profiles/{name}.conf"));
        let (code, text, log) = run(&["--check", "-C", profile.to_str().unwrap()]);
        assert_eq!(code, 0, "{name}: {log}");
        let last = text.lines().last().unwrap();
        let kib = last.strip_prefix("# memory ceiling: ").and_then(|rest| rest.split(' ').next()).unwrap();
        let mib = kib.parse::<u64>().unwrap().div_ceil(1024);
        assert_eq!(*said, mib.to_string(), "{name}, in MiB: {last}");
    }
}

/// Each claim names a file, or a file and what in it: `tests/FILE` or `tests/FILE: NAME`.
#[test]
fn what_security_md_is_shown_by_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut named = 0;
    for reference in text.split('`').skip(1).step_by(2).filter(|part| part.starts_with("tests/")) {
        let (file, name) = reference.split_once(": ").unwrap_or((reference, ""));
        let there = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(name.is_empty() || there.contains(&format!("fn {name}(")), "{file} has no {name}");
        named += 1;
    }
    assert!(named > 50, "only {named} tests are named");
}
