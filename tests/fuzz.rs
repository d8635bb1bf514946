//! The corpora of the fuzz targets (fuzz/), replayed without a fuzzer. What a fuzzer has found is in them, and has a test of its own as well, where
//! it belongs.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::{
    fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// All corpora together are no larger than this, in bytes: they come with every clone.
const CORPORA_BYTES_MAX: u64 = 150 * 1024;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = root().join("fuzz/corpus").join(target);
    let inputs = fs::read_dir(&folder).unwrap_or_else(|wrong| panic!("{}: {wrong}", folder.display()));
    let mut inputs: Vec<_> = inputs.map(|input| input.unwrap().path()).collect();
    inputs.sort();
    inputs
}

#[test]
fn every_input_of_every_corpus_is_survived() {
    let (mut count, mut failed) = (0, Vec::new());
    for bodies::Target { name: target, .. } in bodies::TARGETS {
        let inputs = corpus(target);
        assert!(inputs.len() >= 10, "{target} has lost its corpus");
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            if catch_unwind(AssertUnwindSafe(|| bodies::run(target, &bytes))).is_err() {
                failed.push(format!("{target}: {}", input.display()));
            }
            count += 1;
        }
    }
    // What the print macros write is captured.
    let _ = writeln!(std::io::stderr(), "fuzz: {count} inputs of {} targets replayed", bodies::TARGETS.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_target_is_built_has_a_small_corpus_and_is_documented() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let docs = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let mut bytes = 0;
    for bodies::Target { name: target, .. } in bodies::TARGETS {
        let stub = fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{target}.rs"))).unwrap();
        assert!(stub.contains(&format!("suzu_fuzz::run(\"{target}\", bytes)")), "{stub}");
        assert!(
            manifest.contains(&format!("name = \"{target}\"\n")),
            "fuzz/Cargo.toml does not build {target}"
        );
        assert!(
            docs.contains(&format!("\n| `{target}` | ")),
            "docs/reliability.md does not say what {target} does"
        );
        bytes += corpus(target).iter().map(|input| fs::metadata(input).unwrap().len()).sum::<u64>();
    }
    assert_eq!(manifest.matches("[[bin]]").count(), bodies::TARGETS.len());
    assert!(bytes <= CORPORA_BYTES_MAX, "the corpora have {bytes} bytes");
}
