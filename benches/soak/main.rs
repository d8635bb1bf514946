//! Whether suzu stays as it is, however long it is used: `cargo bench --bench soak -- --help`.
//!
//! docs/reliability.md has the method and the figures.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../relay/chart.rs"]
#[allow(dead_code, reason = "the pictures of another benchmark")]
mod chart;
#[path = "../../tests/common/mod.rs"]
mod common;
mod crew;
mod door;
mod guest;
mod kernel;
#[path = "../relay/machine.rs"]
#[allow(dead_code, reason = "another benchmark has the rest")]
mod machine;
#[path = "../common/marks.rs"]
mod marks;
mod options;
mod picture;
mod probes;
mod reading;
#[path = "../relay/report.rs"]
#[allow(dead_code, reason = "another benchmark has the rest")]
mod report;
mod residents;
mod run;
mod scenes;
mod told;
mod verdict;
mod webhook;

use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    if let Some(kept) = &options.draw {
        told::draw_again(kept);
        return ExitCode::SUCCESS;
    }
    machine::raise_open_files();
    println!("{}", machine::description());
    let Some(soak) = run::run(options.minutes * 60.0) else {
        println!("FAILED: a client has met with something that must not be; see above");
        return ExitCode::FAILURE;
    };
    let checks = verdict::judge(&soak.run);
    told::tell(&options, &soak, &checks);
    if checks.iter().all(verdict::Check::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
