//! How long a message and its answer take when the server has half of what it can do.

use super::{
    Bench,
    client::SIZES,
    contender::{Speech, suzu_name},
    cost,
    report::{Section, short, thousands},
    runner::Runner,
};
use serde_json::json;
use std::time::Duration;

const SLICE: Duration = Duration::from_millis(100);

/// Everybody gets half of what suzu can do with Ayame's messages, so that all are asked the same; who can do less gets half of that.
pub(crate) fn run(bench: &Bench, runners: &mut [Runner]) -> Vec<Section> {
    let head = [
        "server",
        "200 B: messages/s",
        "p50 µs",
        "p99",
        "p99.9",
        "3 KB: messages/s",
        "p50 µs",
        "p99",
        "p99.9",
    ];
    let mut section = Section::new("round-trip", "A message and its answer, at half load", &head);
    let results = [0, 1].map(|size| measure(bench.rounds, runners, size));
    let p50_of = |speech: Speech, has_tls: bool, size: usize| {
        let name = suzu_name(speech, has_tls);
        let is_it = |runner: &Runner| match speech {
            Speech::Pairs => runner.contender.name.starts_with("(b)"),
            _ => runner.contender.name == name,
        };
        let results: &[(f64, [f64; 3])] = &results[size];
        runners.iter().position(is_it).map_or(0.0, |at| results[at].1[0])
    };
    for (size, bytes) in SIZES.iter().enumerate() {
        let ratio = p50_of(Speech::Ayame, false, size) / p50_of(Speech::Pairs, false, size);
        section.at_most(
            format!("suzu ayame, {bytes} B: median round trip at half load, to (b)"),
            ratio,
            1.10,
            "",
        );
    }
    for (at, runner) in runners.iter().enumerate() {
        let mut cells = vec![runner.contender.name.clone()];
        let mut json = json!({"server": runner.contender.name});
        for (bytes, results) in SIZES.iter().zip(&results) {
            let (rate, [p50, p99, p999]) = results[at];
            cells.extend([thousands(rate), short(p50), short(p99), short(p999)]);
            json[format!("{bytes}_bytes")] =
                json!({"messages_per_second": rate, "p50_us": p50, "p99_us": p99, "p99_9_us": p999});
        }
        section.row(cells, json);
    }
    vec![section]
}

/// Of each server the rate that it was asked for, and its percentiles in microseconds.
fn measure(rounds: usize, runners: &mut [Runner], size: usize) -> Vec<(f64, [f64; 3])> {
    let can: Vec<f64> = runners.iter_mut().map(|runner| cost::saturated_rate(runner, size)).collect();
    let ayame = suzu_name(Speech::Ayame, false);
    let common =
        runners.iter().position(|runner| runner.contender.name == ayame).map_or(f64::MAX, |at| can[at]);
    let rates: Vec<f64> = can.iter().map(|can| can.min(common) / 2.0).collect();
    let mut times: Vec<Vec<u64>> = vec![Vec::new(); runners.len()];
    for round in 0..rounds {
        for turn in 0..runners.len() {
            let at = (turn + round) % runners.len();
            runners[at].crowd.settle();
            runners[at].crowd.exchange(rates[at], size, SLICE, &mut times[at]);
        }
    }
    let percentiles = |times: &mut Vec<u64>| {
        times.sort_unstable();
        [0.5, 0.99, 0.999].map(|share| times[(times.len() as f64 * share) as usize] as f64 / 1e3)
    };
    rates.into_iter().zip(times.iter_mut().map(percentiles)).collect()
}
