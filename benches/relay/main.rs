//! What suzu costs, beside the least that it could cost: `cargo bench --bench relay -- --help`.
//!
//! docs/performance.md has the method and the figures.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod arrival;
mod calls;
mod chart;
mod client;
mod contender;
mod cost;
mod counting;
mod docs;
mod epoll;
mod floor;
mod growth;
mod idle;
mod load;
mod machine;
#[path = "../common/marks.rs"]
mod marks;
mod memory;
mod options;
mod peers;
mod report;
mod round_trip;
mod runner;
mod wire;

use contender::{Contender, Speech};
use machine::Cores;
use options::Options;
use peers::Peers;
use report::Section;
use runner::Runner;
use std::{fs, process::ExitCode};

/// What all sections need to know.
struct Bench {
    cores: Cores,
    rounds: usize,
    is_quick: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("--serve-floor") => floor::run(words[1] == "websocket"),
        Some("--serve-suzu") => counting::run(&words[1..]),
        _ => {}
    }
    match Options::parse(&words) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(options)) => {
            run(&options);
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) {
    machine::raise_open_files();
    let bench = Bench { cores: Cores::choose(), rounds: options.rounds, is_quick: options.is_quick };
    let mut skipped = Vec::new();
    if !bench.cores.are_two() {
        skip(&mut skipped, "two cores: server and load share one here, and the figures are bad");
    }
    if !contender::has_tls() {
        skip(&mut skipped, "TLS: this is a build without it");
    }
    let peers = Peers::find(options.peers.as_deref(), &mut |what| skip(&mut skipped, what));
    let machine = machine::description();
    println!("{machine}\n");
    let mut sections: Vec<Section> = Vec::new();
    for id in options::SECTIONS.iter().filter(|id| options.wants(id)) {
        let found = measure(id, &bench, &peers, &mut skipped);
        found.iter().for_each(show);
        sections.extend(found);
    }
    let verdicts = report::verdicts(&sections);
    show(&verdicts);
    sections.push(verdicts);
    if let Some(path) = &options.json {
        let json = report::json(&machine, &skipped, &sections);
        fs::write(path, format!("{json:#}\n")).unwrap();
    }
    if options.writes_docs {
        docs::write(&machine, &skipped, &sections);
    }
}

fn measure(id: &str, bench: &Bench, peers: &Peers, skipped: &mut Vec<String>) -> Vec<Section> {
    eprintln!("measuring: {id}");
    let start_peers = || peers.start(bench.cores);
    match id {
        "cost" => cost::run(bench, &mut runners(bench, peers)),
        "round-trip" => round_trip::run(bench, &mut runners(bench, peers)),
        "arrival" => arrival::run(bench, start_peers),
        "memory" => memory::run(bench, start_peers),
        "idle" => idle::run(bench),
        "calls" => calls::run(bench, &mut |what| skip(skipped, what)),
        _ => growth::run(bench),
    }
}

fn show(section: &Section) {
    println!("## {}\n\n{}", section.title, section.table());
}

/// Says loudly what is not measured.
fn skip(skipped: &mut Vec<String>, what: &str) {
    eprintln!("SKIPPED: {what}");
    skipped.push(what.to_owned());
}

/// All that relay: floors, suzu's dialects in plain and over TLS, and others.
fn runners(bench: &Bench, peers: &Peers) -> Vec<Runner> {
    const CLIENTS: usize = 100;
    let mut contenders = vec![Contender::bytes(bench.cores), Contender::websocket(bench.cores)];
    for has_tls in [false, true].into_iter().filter(|&wanted| !wanted || contender::has_tls()) {
        for speech in [Speech::Ayame, Speech::Mesh, Speech::Relay] {
            contenders.push(Contender::suzu(bench.cores, speech, has_tls, CLIENTS));
        }
    }
    contenders.extend(peers.start(bench.cores));
    contenders.into_iter().map(|contender| Runner::new(contender, CLIENTS)).collect()
}
