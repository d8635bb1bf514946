//! What the README says about settings is what the program says, as it is built by default.
#![cfg(feature = "tls")]

mod common;

use std::{fs, path::Path};
use suzu::config::help;

#[test]
fn the_readme_has_the_table_of_settings() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = help::table();
    assert!(readme.contains(&table), "README.md should have this table:\n\n{table}");
}
