//! Whether it costs more when more are there: servers with 100, 1,000 and 4,000 clients, side by side. As many talk at once in all of them, and everybody in turn.

use super::{
    Bench,
    chart::Chart,
    client::SIZES,
    contender::{Contender, Speech, has_tls},
    cost::{self, Figures},
    load::Crowd,
    memory::{self, PerClient},
    report::{Section, short, thousands},
    runner::Runner,
};
use serde_json::json;
use std::time::Duration;

const COUNTS: [usize; 3] = [100, 1_000, 4_000];
const SLICE: Duration = Duration::from_millis(50);
const TALKERS: usize = 100;

/// A server, how many are there, and what each takes.
struct Grown {
    runner: Runner,
    /// Those who came first; they stay, and say nothing.
    first: Vec<Crowd>,
    count: usize,
    memory: PerClient,
}

pub(crate) fn run(bench: &Bench) -> Vec<Section> {
    let mut all: Vec<Grown> = Vec::new();
    for count in COUNTS {
        let room = count + TALKERS;
        all.push(grow(Contender::websocket(bench.cores), count));
        for has_tls in [false, true].into_iter().filter(|&wanted| !wanted || has_tls()) {
            all.push(grow(Contender::suzu(bench.cores, Speech::Ayame, has_tls, room), count));
        }
    }
    let figures = [0, 1].map(|size| measure(bench.rounds, &mut all, size));
    vec![section(&all, &figures)]
}

fn grow(contender: Contender, count: usize) -> Grown {
    let (mut crowds, memory) = memory::fill(&contender, count);
    Grown { runner: Runner { crowd: crowds.remove(0), contender }, first: crowds, count, memory }
}

/// The ratio of each is to the same server with the fewest clients, in the same round.
fn measure(rounds: usize, all: &mut [Grown], size: usize) -> Vec<Figures> {
    let mut figures: Vec<_> = all.iter().map(|_| Figures::default()).collect();
    let kinds = all.len() / COUNTS.len();
    let mut nanos = vec![0.0; all.len()];
    for round in 0..rounds {
        for turn in 0..all.len() {
            let at = (turn + round) % all.len();
            all[at].first.iter_mut().for_each(Crowd::settle);
            let (load, cpu) = cost::slice(&mut all[at].runner, TALKERS, size, SLICE);
            nanos[at] = figures[at].note(load, cpu);
        }
        for at in 0..all.len() {
            figures[at].compare(nanos[at], nanos[at % kinds]);
        }
    }
    figures
}

fn section(all: &[Grown], figures: &[Vec<Figures>; 2]) -> Section {
    let head = [
        "server",
        "clients",
        "200 B: µs",
        "to 100 clients",
        "3 KB: µs",
        "to 100 clients",
        "bytes a client",
        "after 3 KB",
    ];
    let mut section = Section::new("growth", "With more clients", &head);
    let mut rows = Vec::new();
    for (at, Grown { runner, count, memory, .. }) in all.iter().enumerate() {
        let name = &runner.contender.name;
        let mut cells = vec![name.clone(), thousands(*count as f64)];
        let mut json = json!({
            "server": name, "clients": count,
            "client_bytes": memory.at_rest, "client_bytes_after_3_kb": memory.after_a_message,
        });
        for (bytes, figures) in SIZES.iter().zip(figures) {
            cells.extend([short(figures[at].cost() / 1e3), short(figures[at].ratio())]);
            json[format!("{bytes}_bytes")] =
                json!({"cpu_us": figures[at].cost() / 1e3, "ratio_to_100_clients": figures[at].ratio()});
        }
        cells.extend([short(memory.at_rest), short(memory.after_a_message)]);
        section.row(cells, json);
        let bars = figures.iter().map(|figures| figures[at].cost() / 1e3).collect();
        rows.push((format!("{name}, {}", thousands(*count as f64)), bars));
    }
    section.charts.push(Chart {
        name: "performance-growth",
        title: "Processor time a relayed message by the number of clients, in µs".to_owned(),
        series: SIZES.map(|size| format!("{size} B")).to_vec(),
        rows,
    });
    section
}
