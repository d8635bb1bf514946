//! What is told of a run: tables for people, everything for programs, and a picture.

use super::{
    machine,
    marks::filled,
    options::Options,
    picture, probes,
    report::{Section, short, thousands},
    run::Soak,
    verdict::{Check, Off, Run, Sample, Still, median},
};
use serde_json::{Value, json};
use std::{fs, path::Path};

pub(crate) fn tell(options: &Options, soak: &Soak, checks: &[Check]) {
    let sections = [load(soak), latency(soak), verdict(checks)];
    for section in &sections {
        println!("\n## {}\n\n{}", section.title, section.table());
    }
    if let Some(path) = &options.json {
        fs::write(path, format!("{:#}\n", json(soak, &sections))).unwrap();
    }
    if options.writes_docs {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = project.join("docs/reliability.md");
        let text = fs::read_to_string(&path).unwrap();
        let machine = format!("{}; suzu {}.\n", machine::description(), env!("CARGO_PKG_VERSION"));
        let text = filled(&text, "soak-machine", &machine);
        let fill = |text: String, section: &Section| filled(&text, section.id, &section.table());
        fs::write(&path, sections.iter().fold(text, fill)).unwrap();
        draw(&soak.run);
    }
}

fn draw(run: &Run) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/soak.svg");
    fs::write(path, picture::svg(run)).unwrap();
}

/// The picture of a run that was kept as JSON.
pub(crate) fn draw_again(kept: &Path) {
    let kept: Value = serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap();
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap_or(f64::NAN);
    let sample = |value: &Value| Sample {
        at: number(value, "at_s"),
        private_kib: number(value, "private_kib"),
        resident_kib: number(value, "resident_kib"),
        descriptors: number(value, "descriptors"),
        cpu_percent: number(value, "cpu_percent"),
        messages_per_s: number(value, "messages_per_s"),
        connections_per_s: number(value, "connections_per_s"),
        p50_us: number(value, "p50_us"),
        p99_us: number(value, "p99_us"),
    };
    let still = |value: &Value| Still {
        at: number(value, "at_s"),
        private_kib: number(value, "private_kib"),
        resident_kib: number(value, "resident_kib"),
        off: Off::default(),
    };
    let list = |key: &str| kept[key].as_array().expect("no run");
    let (samples, stills): (Vec<_>, Vec<_>) =
        (list("samples").iter().map(sample).collect(), list("stills").iter().map(still).collect());
    draw(&Run { seconds: number(&kept, "seconds"), stills, samples, empty: Default::default() });
}

/// What was done.
fn load(soak: &Soak) -> Section {
    let mut section = Section::new("soak-load", "Load", &["", ""]);
    let run = &soak.run;
    let middle = |of: fn(&Sample) -> f64| median(&mut run.samples.iter().map(of).collect::<Vec<_>>());
    let most = run.samples.iter().map(|sample| sample.descriptors).fold(0.0, f64::max);
    let mut private: Vec<_> = run.stills.iter().map(|still| still.private_kib).collect();
    for (what, figure) in [
        ("minutes", short(run.seconds / 60.0)),
        ("messages, in and out", thousands(soak.messages as f64)),
        ("a second, median of the samples", thousands(middle(|sample| sample.messages_per_s))),
        ("connections", thousands(soak.connections as f64)),
        ("a second", short(soak.connections as f64 / run.seconds)),
        ("calls of webhooks", thousands(soak.webhooks as f64)),
        ("descriptors at most under load", thousands(most)),
        ("processor time of the server, % of a core", short(soak.cpu_percent[0])),
        ("and of the load", short(soak.cpu_percent[1])),
        ("samples", thousands(run.samples.len() as f64)),
        ("moments of stillness", thousands(run.stills.len() as f64)),
        ("private memory in stillness, KiB", thousands(median(&mut private))),
        ("with nobody there, KiB: before anybody came", thousands(soak.start.private_kib)),
        ("after the first round", thousands(run.empty[0].private_kib)),
        ("at the end", thousands(run.empty[1].private_kib)),
    ] {
        section.row(vec![what.to_owned(), figure.clone()], json!({"what": what, "figure": figure}));
    }
    section
}

/// How long messages took, by the dialect.
fn latency(soak: &Soak) -> Section {
    let head = ["a message and its answer", "round trips", "median µs", "99 %", "99.9 %"];
    let mut section = Section::new("soak-latency", "Round trips", &head);
    for (kind, times) in soak.round_trips.iter().enumerate() {
        let mut times = times.clone();
        times.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        let figures = [0.5, 0.99, 0.999].map(at);
        let name = probes::name(kind);
        let json = json!({"kind": name, "count": times.len(), "p50_us": figures[0], "p99_us": figures[1], "p99_9_us": figures[2]});
        let cells = [vec![name, thousands(times.len() as f64)], figures.map(thousands).to_vec()].concat();
        section.row(cells, json);
    }
    section
}

fn verdict(checks: &[Check]) -> Section {
    let mut section = Section::new("soak-verdict", "Verdict", &["what", "measured", "at most", ""]);
    for check in checks {
        let Check { what, figure, at_most, unit } = check;
        let number = |value: f64| {
            let digits = if value.fract() == 0.0 { 0 } else { 1 };
            format!("{value:.digits$} {unit}").trim_end().to_owned()
        };
        let mark = if check.is_met() { "met" } else { "**missed**" };
        let cells = vec![(*what).to_owned(), number(*figure), number(*at_most), mark.to_owned()];
        let json =
            json!({"what": what, "figure": figure, "at_most": at_most, "unit": unit, "met": check.is_met()});
        section.row(cells, json);
    }
    section
}

/// Everything, for programs.
fn json(soak: &Soak, sections: &[Section]) -> Value {
    let samples = soak.run.samples.iter().map(|sample| {
        json!({
            "at_s": sample.at, "private_kib": sample.private_kib, "resident_kib": sample.resident_kib,
            "descriptors": sample.descriptors, "cpu_percent": sample.cpu_percent,
            "messages_per_s": sample.messages_per_s, "connections_per_s": sample.connections_per_s,
            "p50_us": sample.p50_us, "p99_us": sample.p99_us,
        })
    });
    let still = |still: &Still| json!({"at_s": still.at, "private_kib": still.private_kib, "resident_kib": still.resident_kib});
    let by_id: serde_json::Map<_, _> =
        sections.iter().map(|section| (section.id.to_owned(), section.json.clone())).collect();
    json!({
        "machine": machine::description(), "version": env!("CARGO_PKG_VERSION"), "seconds": soak.run.seconds, "sections": by_id,
        "samples": samples.collect::<Vec<_>>(), "stills": soak.run.stills.iter().map(still).collect::<Vec<_>>(),
        "empty": soak.run.empty.iter().map(still).collect::<Vec<_>>(),
    })
}
