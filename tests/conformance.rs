//! The Autobahn test suite against the program as it is: whoever is alone in a room of `chat` gets each message back, in the kind of frame
//! that it came in. By default the groups that take seconds, under the default limits; with `SUZU_CONFORMANCE=all` all 517 cases.
//! `tests/autobahn/install` gets the suite. What has to come out is here, and docs/conformance.md has it as a table.

mod common;

use common::{
    announce,
    server::{TempDir, TestServer},
    skip,
    start::Guarded,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// The groups of the suite: number, subject, how many cases, and whether they take seconds only.
const GROUPS: [(u32, &str, usize, bool); 11] = [
    (1, "Framing", 16, true),
    (2, "Pings and pongs", 11, true),
    (3, "Reserved bits", 7, true),
    (4, "Opcodes", 10, true),
    (5, "Fragmentation", 20, true),
    (6, "UTF-8", 145, true),
    (7, "Closing", 37, true),
    (9, "Limits: messages up to 16 MiB", 54, false),
    (10, "Auto-fragmentation", 1, true),
    (12, "Compression (permessage-deflate)", 90, false),
    (13, "Compression, with parameters", 126, false),
];

/// In the order of the table.
const VERDICTS: [&str; 4] = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"];

/// The longest messages of the suite, and a queue for them.
const LARGE: [&str; 6] =
    ["--max-message-bytes", "16777216", "--max-queue-bytes", "67108864", "--max-clients", "8"];

/// What is not as all others of its group; docs/conformance.md has the reasons.
const EXCEPTIONS: [(&str, (&str, &str)); 5] = [
    ("6.4.3", ("NON-STRICT", "OK")),
    ("6.4.4", ("NON-STRICT", "OK")),
    ("7.1.6", ("INFORMATIONAL", "INFORMATIONAL")),
    ("7.13.1", ("INFORMATIONAL", "INFORMATIONAL")),
    ("7.13.2", ("INFORMATIONAL", "INFORMATIONAL")),
];

/// No case takes longer: the suite has deadlines of its own.
const CASE_DEADLINE: Duration = Duration::from_secs(150);

/// What has to come of a case, and of its closing handshake.
fn expected(case: &str) -> (&'static str, &'static str) {
    let exception = EXCEPTIONS.iter().find(|(name, _)| *name == case).map(|(_, verdicts)| *verdicts);
    exception.unwrap_or_else(|| usual(group_of(case)))
}

fn usual(group: u32) -> (&'static str, &'static str) {
    if matches!(group, 12 | 13) { ("UNIMPLEMENTED", "OK") } else { ("OK", "OK") }
}

fn group_of(case: &str) -> u32 {
    case.split('.').next().unwrap().parse().unwrap()
}

fn is_complete() -> bool {
    env::var("SUZU_CONFORMANCE").as_deref() == Ok("all")
}

/// The suite's program, where the script puts it.
fn suite() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join("tools");
    let is_suite = |path: &PathBuf| path.to_string_lossy().contains("/autobahntestsuite-");
    let folders = fs::read_dir(tools).ok()?.map_while(Result::ok).map(|entry| entry.path());
    folders.filter(is_suite).map(|folder| folder.join("wstest")).find(|program| program.is_file())
}

/// Plays the suite against a server of its own; the verdicts by case.
fn play(program: &Path, scheme: &str) -> BTreeMap<String, (String, String)> {
    let server = TestServer::start(if is_complete() { &LARGE } else { &[] });
    let dir = TempDir::new();
    let groups = GROUPS.iter().filter(|(.., is_short)| *is_short || is_complete());
    let spec = json!({
        "outdir": dir.path,
        "servers": [{ "agent": "suzu", "url": format!("{scheme}://{}/chat", server.address) }],
        "cases": groups.map(|(number, ..)| format!("{number}.*")).collect::<Vec<_>>(),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    fs::write(dir.join("spec.json"), spec.to_string()).unwrap();
    let mut suite = Command::new(program);
    suite.args(["--mode", "fuzzingclient", "--spec"]).arg(dir.join("spec.json")).current_dir(&dir.path);
    suite.env("PYTHONUNBUFFERED", "1").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut suite = Guarded(suite.stderr(File::create(dir.join("errors")).unwrap()).spawn().unwrap());
    let (lines, cases) = mpsc::channel();
    let stdout = BufReader::new(suite.0.stdout.take().unwrap());
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let mut last = String::new();
    loop {
        match cases.recv_timeout(CASE_DEADLINE) {
            Ok(line) => last = line,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("the suite does not go on: {last}"),
        }
    }
    // It is content whatever it finds, and writes that down at its end.
    let report = fs::read_to_string(dir.join("index.json")).unwrap_or_else(|error| {
        panic!("no report ({error}) after {last:?}: {}", fs::read_to_string(dir.join("errors")).unwrap())
    });
    let report: Value = serde_json::from_str(&report).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let verdict = |of: &Value| (text(&of["behavior"]), text(&of["behaviorClose"]));
    report["suzu"].as_object().unwrap().iter().map(|(case, of)| (case.clone(), verdict(of))).collect()
}

/// Nothing is missing, and everything is as expected.
fn check(scheme: &str) {
    let Some(program) = suite() else {
        return skip("the Autobahn test suite: tests/autobahn/install");
    };
    let found = play(&program, scheme);
    let wrong: Vec<_> = found
        .iter()
        .filter(|(case, verdict)| expected(case) != (&verdict.0, &verdict.1))
        .map(|(case, verdict)| format!("{case}: {verdict:?}, expected {:?}", expected(case)))
        .collect();
    assert!(wrong.is_empty(), "{scheme}, of {} cases:\n{}", found.len(), wrong.join("\n"));
    for (number, subject, cases, is_short) in GROUPS {
        let played = found.keys().filter(|case| group_of(case) == number).count();
        let due = if is_short || is_complete() { cases } else { 0 };
        assert_eq!(played, due, "{scheme}: cases of group {number}, {subject}");
    }
    announce(&format!("conformance: {} cases over {scheme} are as expected", found.len()));
}

#[test]
fn the_suite_is_content_with_plain_websockets() {
    check("ws");
}

#[cfg(feature = "tls")]
#[test]
fn the_suite_is_content_with_websockets_over_tls() {
    check("wss");
}

/// How often each verdict is expected in a group.
fn counts(group: u32, cases: usize) -> [usize; 4] {
    let mut counts = [0; 4];
    let mut add = |verdict, count| counts[VERDICTS.iter().position(|one| *one == verdict).unwrap()] += count;
    let here = EXCEPTIONS.iter().filter(|(case, _)| group_of(case) == group);
    add(usual(group).0, cases - here.clone().count());
    here.for_each(|(_, (verdict, _))| add(verdict, 1));
    counts
}

#[test]
fn the_docs_have_what_is_expected() {
    let mut table = String::from("| group | subject | cases |");
    for way in ["plain", "TLS"] {
        VERDICTS.iter().for_each(|verdict| write!(table, " {way}: {verdict} |").unwrap());
    }
    table += "\n|---|---|---|---|---|---|---|---|---|---|---|\n";
    let mut sums = [0; 5];
    for (number, subject, cases, _) in GROUPS {
        let [a, b, c, d] = counts(number, cases);
        writeln!(table, "| {number} | {subject} | {cases} | {a} | {b} | {c} | {d} | {a} | {b} | {c} | {d} |")
            .unwrap();
        [cases, a, b, c, d].iter().zip(&mut sums).for_each(|(count, sum)| *sum += count);
    }
    let [cases, a, b, c, d] = sums;
    writeln!(table, "| | all | {cases} | {a} | {b} | {c} | {d} | {a} | {b} | {c} | {d} |").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let docs = fs::read_to_string(path).unwrap_or_default();
    assert!(docs.contains(&table), "docs/conformance.md should have this table:\n\n{table}");
    for (case, _) in EXCEPTIONS {
        assert!(docs.contains(case), "docs/conformance.md says nothing about {case}");
    }
}
