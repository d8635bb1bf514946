//! What a relayed message costs the server, beside what it costs the floor in the same round.

use super::{
    Bench,
    chart::Chart,
    client::SIZES,
    contender::{Speech, suzu_name},
    load::Load,
    machine::{Cpu, wait_asleep},
    peers::{AYAME, AYAME_WAY, AYAME_WAY_LOGGED},
    report::{Section, median, short, thousands},
    runner::Runner,
};
use serde_json::json;
use std::time::Duration;

const SLICE: Duration = Duration::from_millis(50);
/// So many messages are under way at once when the server has all it can do.
const SATURATED: usize = 100;

/// The messages at once and the name of each load.
const LOADS: [(usize, &str); 2] = [(SATURATED, "saturated"), (1, "light")];

/// What one server did under one load with one size.
#[derive(Default)]
pub(crate) struct Figures {
    nanos: Vec<f64>,
    ratios: Vec<f64>,
    cpu: Cpu,
    load: Load,
}

impl Figures {
    /// Nanoseconds a message.
    pub(crate) fn cost(&self) -> f64 {
        median(&mut self.nanos.clone())
    }

    pub(crate) fn ratio(&self) -> f64 {
        median(&mut self.ratios.clone())
    }

    /// Notes a slice; its nanoseconds a message.
    pub(crate) fn note(&mut self, load: Load, cpu: Cpu) -> f64 {
        let nanos = cpu.nanos as f64 / load.messages as f64;
        self.nanos.push(nanos);
        self.cpu.add(cpu);
        self.load.messages += load.messages;
        self.load.time += load.time;
        nanos
    }

    pub(crate) fn compare(&mut self, nanos: f64, floor: f64) {
        self.ratios.push(nanos / floor);
    }

    /// How much of its core it used, from 0 to 1.
    fn busy(&self) -> f64 {
        self.cpu.nanos as f64 / self.load.time.as_nanos() as f64
    }

    /// How much of the time it waited for its core, from 0 to 1: above some hundredths, this machine had other things to do.
    fn waited(&self) -> f64 {
        self.cpu.waited_nanos as f64 / self.load.time.as_nanos() as f64
    }
}

/// A slice of load, and what it cost.
pub(crate) fn slice(runner: &mut Runner, talkers: usize, size: usize, time: Duration) -> (Load, Cpu) {
    let pid = runner.contender.pid();
    runner.crowd.settle();
    wait_asleep(pid);
    let before = Cpu::of(pid);
    let load = runner.crowd.talk(talkers, size, time);
    wait_asleep(pid);
    (load, Cpu::of(pid).since(before))
}

/// One round after the other: in each, all servers have a slice of each load, one right after the other.
pub(crate) fn run(bench: &Bench, runners: &mut [Runner]) -> Vec<Section> {
    // The first that speaks so.
    let floor = runners.iter().position(|runner| runner.contender.speech == Speech::Pairs).unwrap();
    for runner in &mut *runners {
        runner.crowd.talk(SATURATED, 0, SLICE);
    }
    let sections = LOADS.map(|(talkers, load)| {
        let figures = [0, 1].map(|size| measure(bench.rounds, runners, floor, talkers, size));
        section(load, runners, &figures)
    });
    sections.into()
}

fn measure(rounds: usize, runners: &mut [Runner], floor: usize, talkers: usize, size: usize) -> Vec<Figures> {
    let mut figures: Vec<_> = runners.iter().map(|_| Figures::default()).collect();
    let mut nanos = vec![0.0; runners.len()];
    for round in 0..rounds {
        for turn in 0..runners.len() {
            // Everybody is first, and behind everybody else, equally often.
            let at = (turn + round) % runners.len();
            let (load, cpu) = slice(&mut runners[at], talkers, size, SLICE);
            nanos[at] = figures[at].note(load, cpu);
        }
        for (figures, &nanos_each) in figures.iter_mut().zip(&nanos) {
            figures.compare(nanos_each, nanos[floor]);
        }
    }
    figures
}

fn section(load: &'static str, runners: &[Runner], figures: &[Vec<Figures>; 2]) -> Section {
    let head = [
        "server",
        "200 B: to (b)",
        "µs",
        "user",
        "system",
        "messages/s",
        "core in use",
        "3 KB: to (b)",
        "µs",
        "user",
        "system",
        "messages/s",
        "core in use",
    ];
    let (id, title) = match load {
        "light" => ("light", "Processor time a relayed message, one message at a time"),
        _ => ("saturated", "Processor time a relayed message, 100 messages at once"),
    };
    let mut section = Section::new(id, title, &head);
    let mut rows = Vec::new();
    for (at, runner) in runners.iter().enumerate() {
        let name = &runner.contender.name;
        let mut cells = vec![name.clone()];
        let mut json = json!({"server": name});
        for (size, figures) in SIZES.iter().zip(figures) {
            let (cost, ratio, user) = (figures[at].cost(), figures[at].ratio(), figures[at].cpu.user_share());
            let (busy, rate) = (figures[at].busy(), 1e9 / cost);
            let us = cost / 1e3;
            cells.extend([short(ratio), short(us), short(us * user), short(us * (1.0 - user))]);
            cells.extend([thousands(rate), format!("{:.0} %", busy * 100.0)]);
            json[format!("{size}_bytes")] = json!({
                "ratio": ratio, "cpu_us": us, "user_us": us * user, "system_us": us * (1.0 - user),
                "messages_per_cpu_second": rate, "busy": busy, "waited_for_core": figures[at].waited(),
                "messages_per_second": figures[at].load.messages as f64 / figures[at].load.time.as_secs_f64(),
            });
            if load == "saturated"
                && let Some(budget) = budget(name, *size)
            {
                section.at_most(format!("{name}, {size} B: processor time to (b)"), ratio, budget, "");
            }
        }
        rows.push((name.clone(), figures.iter().map(|figures| figures[at].ratio()).collect()));
        section.row(cells, json);
    }
    if load == "saturated" {
        compare_with_ayame(&mut section, runners, figures);
    }
    // The floors have one thread, which is never in its own way.
    let waited = figures.iter().flat_map(|figures| &figures[..2]).map(Figures::waited).fold(0.0, f64::max);
    if waited > 0.05 {
        eprintln!("NOT ALONE: a floor waited for its core for {:.0} % of the time", waited * 100.0);
    }
    section.charts.push(Chart {
        name: if load == "light" { "performance-light" } else { "performance-saturated" },
        title: format!("Processor time a relayed message, as a multiple of floor (b): {load}"),
        series: SIZES.map(|size| format!("{size} B")).to_vec(),
        rows,
    });
    section
}

/// What a message may cost, as a multiple of floor (b).
fn budget(name: &str, bytes: usize) -> Option<f64> {
    let is_long = bytes == SIZES[1];
    match (name.starts_with("suzu"), name.ends_with("TLS"), is_long) {
        (false, _, _) => None,
        (true, false, false) => Some(1.15),
        (true, false, true) => Some(1.60),
        (true, true, false) => Some(1.40),
        (true, true, true) => Some(1.90),
    }
}

/// What a message may cost as a part of what it costs Ayame, or those who relay like it.
fn compare_with_ayame(section: &mut Section, runners: &[Runner], figures: &[Vec<Figures>; 2]) {
    let at = |name: &str| runners.iter().position(|runner| runner.contender.name == name);
    let suzu = at(&suzu_name(Speech::Ayame, false));
    for name in [AYAME, AYAME_WAY, AYAME_WAY_LOGGED] {
        let (Some(suzu), Some(other)) = (suzu, at(name)) else { continue };
        for ((size, figures), times) in SIZES.iter().zip(figures).zip([3.0, 5.0]) {
            let what = format!("suzu ayame, {size} B: processor time to that of {name}");
            section.at_most(what, figures[suzu].ratio() / figures[other].ratio(), 1.0 / times, "");
        }
    }
}

/// How many messages a second a server relays with its core saturated.
pub(crate) fn saturated_rate(runner: &mut Runner, size: usize) -> f64 {
    let (load, cpu) = slice(runner, SATURATED, size, 4 * SLICE);
    load.messages as f64 * 1e9 / cpu.nanos as f64
}
