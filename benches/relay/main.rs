//! What suzu costs, beside the least that it could cost: `cargo bench --bench relay -- --help`.
//!
//! docs/performance.md has the method and the figures.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod chart;
mod client;
mod contender;
mod cost;
mod epoll;
mod floor;
mod load;
mod machine;
mod options;
mod report;
mod runner;
mod wire;

use contender::{Contender, Speech};
use machine::Cores;
use options::Options;
use report::Section;
use runner::Runner;
use std::{fs, process::ExitCode};

/// What all sections need to know.
struct Bench {
    cores: Cores,
    rounds: usize,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(kind) = words.first().filter(|word| *word == "--serve-floor").and(words.get(1)) {
        floor::run(kind == "websocket");
    }
    let options = match Options::parse(&words) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    run(&options);
    ExitCode::SUCCESS
}

fn run(options: &Options) {
    machine::raise_open_files();
    let bench = Bench { cores: Cores::choose(), rounds: options.rounds };
    let mut skipped = Vec::new();
    if !bench.cores.are_two() {
        skip(&mut skipped, "a core of its own for the load: there is only one, and figures will be bad");
    }
    let machine = machine::description();
    println!("{machine}\n");
    let mut sections: Vec<Section> = Vec::new();
    for id in options::SECTIONS.iter().filter(|id| options.wants(id)) {
        let found = match *id {
            "cost" => cost::run(&bench, &mut runners(&bench)),
            _ => Vec::new(),
        };
        for section in found {
            println!("## {}\n\n{}", section.title, section.table());
            sections.push(section);
        }
    }
    let verdicts = report::verdicts(&sections);
    println!("## {}\n\n{}", verdicts.title, verdicts.table());
    sections.push(verdicts);
    if let Some(path) = &options.json {
        let json = report::json(&machine, &skipped, &sections);
        fs::write(path, format!("{json:#}\n")).unwrap();
    }
}

/// Says loudly what is not measured.
fn skip(skipped: &mut Vec<String>, what: &str) {
    eprintln!("SKIPPED: {what}");
    skipped.push(what.to_owned());
}

/// All that relay: floors, suzu's dialects in plain and over TLS.
fn runners(bench: &Bench) -> Vec<Runner> {
    const CLIENTS: usize = 100;
    let mut contenders = vec![Contender::bytes(bench.cores), Contender::websocket(bench.cores)];
    for has_tls in [false, true].into_iter().filter(|has_tls| !has_tls || contender::has_tls()) {
        for speech in [Speech::Ayame, Speech::Mesh, Speech::Relay] {
            contenders.push(Contender::suzu(bench.cores, speech, has_tls, CLIENTS));
        }
    }
    contenders.into_iter().map(|contender| Runner::new(contender, CLIENTS)).collect()
}
