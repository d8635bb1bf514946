//! Configuration files, suzu's own and Ayame's.

use suzu::{
    config::{Config, file, help},
    server::Ceiling,
};

pub(super) fn run(bytes: &[u8]) {
    // As the program does: a comment may be in any encoding.
    let text = String::from_utf8_lossy(bytes);
    let config = read(&text);
    check_lines(&text, &config);
    match &config {
        Err(wrong) => {
            let (line, what) = line_of(wrong).unwrap_or_else(|| panic!("where is it? {wrong}"));
            assert!((1..=text.lines().count()).contains(&line) && !what.is_empty(), "{wrong}");
        }
        Ok(config) => {
            let listing = help::listing(config);
            let again = read(&listing).unwrap_or_else(|wrong| panic!("{wrong} of\n{listing}"));
            assert_eq!(set(&help::listing(&again)), set(&listing), "what is listed sets the same");
            assert!(!again.has_secrets(), "no secret is listed");
            if config.check().is_ok() {
                assert!(Ceiling::of(config).total() > 0 && !config.routes().is_empty());
            }
        }
    }
}

fn read(text: &str) -> Result<Config, String> {
    let mut config = super::defaults();
    file::apply(&mut config, "file", text).map(|()| config)
}

/// The lines of a listing that set something.
fn set(listing: &str) -> Vec<&str> {
    listing.lines().filter(|line| !line.starts_with('#')).collect()
}

/// The line that an error names, and the rest of it.
fn line_of(wrong: &str) -> Option<(usize, &str)> {
    let (line, what) = wrong.strip_prefix("file:")?.split_once(": ")?;
    Some((line.parse().ok()?, what))
}

/// A file means the same however far down its lines stand, and however they end.
fn check_lines(text: &str, config: &Result<Config, String>) {
    let lower = format!("# a comment\n{}", text.strip_prefix('\u{feff}').unwrap_or(text));
    check_same(config, &read(&lower), 1);
    if !text.contains('\r') {
        check_same(config, &read(&text.replace('\n', "\r\n")), 0);
    }
}

fn check_same(one: &Result<Config, String>, other: &Result<Config, String>, lines: usize) {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            assert_eq!(help::listing(one), help::listing(other));
            assert_eq!(one.warnings.len(), other.warnings.len());
        }
        (Err(one), Err(other)) => {
            assert_eq!(line_of(one).map(|(line, what)| (line + lines, what)), line_of(other));
        }
        _ => panic!("{one:?} and {other:?}"),
    }
}
