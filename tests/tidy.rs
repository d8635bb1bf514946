//! The house rules, as tests: who may know whom, who may read the clock, what every file begins with (ARCHITECTURE.md).

mod common;

use std::{fs, path::Path};

/// A source file: its path below the project and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The text without its unit tests, which are always last.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap()
    }

    /// Whether the code has the word; `forbidden` may be a path such as `crate::net`.
    fn names(&self, forbidden: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.code().lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
            line.match_indices(forbidden).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + forbidden.len()..].chars().next();
                !before.is_some_and(is_word) && !after.is_some_and(is_word)
            })
        })
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), folder, &mut found);
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn collect(folder: &Path, name: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &name, found);
        } else if name.ends_with(".rs") {
            found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

fn check(what: &str, is_wrong: impl Fn(&Source) -> Option<String>, of: &[Source]) {
    let wrong: Vec<_> =
        of.iter().filter_map(|source| Some(format!("{}: {}", source.path, is_wrong(source)?))).collect();
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

fn forbid(folder: &str, words: &[&str]) {
    let found =
        |source: &Source| words.iter().find(|word| source.names(word)).map(|word| format!("names {word}"));
    check(&format!("{folder} must not know these"), found, &sources(folder));
}

#[test]
fn arrows_point_down_only() {
    let server = ["crate::server", "super::server"];
    forbid(
        "src/signaling",
        &["crate::net", "crate::http", "crate::config", "mio", "tungstenite", "TcpStream", "socket2"],
    );
    forbid("src/net", &["crate::signaling", "crate::config"]);
    forbid(
        "src/http",
        &["crate::signaling", "crate::net", "crate::config", "mio", "tungstenite", "TcpStream"],
    );
    forbid("src/config", &["mio", "tungstenite"]);
    forbid("src/metrics", &["crate::net", "crate::config", "mio", "tungstenite", "Addr", "IpAddr", "PeerId"]);
    for folder in ["src/signaling", "src/net", "src/http", "src/config", "src/metrics"] {
        forbid(folder, &server);
    }
}

#[test]
fn only_the_loop_reads_the_clock_and_only_it_draws_randomness() {
    let outside: Vec<_> =
        sources("src").into_iter().filter(|source| !source.path.starts_with("src/server")).collect();
    let words = ["Instant::now", "SystemTime::now", "SysRng", "thread_rng"];
    let found =
        |source: &Source| words.iter().find(|word| source.names(word)).map(|word| format!("names {word}"));
    check("time and randomness are arguments", found, &outside);
}

#[test]
fn one_place_writes_and_one_place_frees() {
    let server: Vec<_> =
        sources("src").into_iter().filter(|source| source.path.starts_with("src/server")).collect();
    let count = |call: &str| server.iter().map(|source| source.code().matches(call).count()).sum::<usize>();
    assert_eq!(count("connection.flush("), 1, "flush_dirty is the only caller");
    assert_eq!(count("clients.remove("), 1, "reap_doomed is the only caller");
}

#[test]
fn nothing_from_the_network_can_panic() {
    let words = [".unwrap()", ".expect(", "panic!", "unreachable!", "todo!", "unimplemented!"];
    for folder in ["src/signaling", "src/net", "src/http", "src/metrics", "src/server"] {
        let found =
            |source: &Source| words.iter().find(|word| source.code().contains(**word)).map(|w| w.to_string());
        check("no panics on the network's path", found, &sources(folder));
    }
}

#[test]
fn nothing_of_ours_is_unsafe() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let (_, lints) = manifest.split_once("\n[lints.rust]\n").unwrap();
    assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\""), "the compiler forbids it: {lints}");
    // Where the compiler does not look: what other platforms and features compile, and what a macro keeps.
    let all: Vec<_> = ["src", "tests", "benches"].into_iter().flat_map(sources).collect();
    let words = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern", "#[unsafe("];
    let found = |source: &Source| {
        let word = words.iter().find(|word| source.text.contains(**word))?;
        (source.path != "tests/tidy.rs").then(|| word.to_string())
    };
    check("no unsafe", found, &all);
}

#[test]
fn every_file_says_what_it_owns_and_stays_small() {
    let all: Vec<_> = ["src", "tests", "benches", "fuzz"].into_iter().flat_map(sources).collect();
    let has_no_head =
        |source: &Source| (!source.text.starts_with("//!")).then(|| "does not begin with //!".to_owned());
    check("every file opens with what it owns", has_no_head, &all);
    let is_long = |source: &Source| {
        let lines = source.text.lines().count();
        (lines > 420).then(|| format!("{lines} lines: which concept wants to leave?"))
    };
    check("files stay small", is_long, &all);
}

#[test]
fn tests_wait_on_conditions_and_are_never_switched_off() {
    let words = ["thread::sleep", "#[ignore"];
    let tests: Vec<_> =
        sources("tests").into_iter().filter(|source| source.path != "tests/tidy.rs").collect();
    // What needs a binary for a board is run by the script that makes one.
    let elsewhere = r#"#[ignore = "cross/check runs it"#;
    let found = |source: &Source| {
        let text = source.text.replace(elsewhere, "");
        words.iter().find(|word| text.contains(**word)).map(|word| word.to_string())
    };
    check("no sleeps, no ignored tests", found, &tests);
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/check")).unwrap();
    for source in tests.iter().filter(|source| source.text.contains(elsewhere)) {
        let name = source.path.trim_start_matches("tests/").trim_end_matches(".rs");
        assert!(script.contains(&format!("--test {name} -- --ignored")), "cross/check does not run {name}");
    }
}
