//! What a server takes at its start, and for each client that is there and says nothing.

use super::{
    Bench,
    chart::Chart,
    contender::{Contender, Speech, has_tls, program, suzu_name},
    load::Crowd,
    machine::{Memory, is_static, wait_asleep},
    report::{Section, short, thousands},
};
use serde_json::json;

const CLIENTS: usize = 1_000;
/// Clients who have come and talked before anything is measured, so that what is needed once is there.
const WARM: usize = 100;
/// The index of 3 KB.
const LONG: usize = 1;

/// Bytes of private memory a client.
pub(crate) struct PerClient {
    pub(crate) at_rest: f64,
    pub(crate) after_a_message: f64,
}

/// Lets so many come and talk; they stay.
pub(crate) fn fill(contender: &Contender, count: usize) -> (Vec<Crowd>, PerClient) {
    let private = |crowd: &mut Crowd| {
        crowd.settle();
        wait_asleep(contender.pid());
        Memory::of(contender.pid()).private_dirty as f64 * 1024.0
    };
    let mut first = Crowd::new(contender, WARM);
    first.all_say_one(LONG);
    let before = private(&mut first);
    let mut crowd = Crowd::from(contender, WARM, count);
    let at_rest = (private(&mut crowd) - before) / count as f64;
    crowd.all_say_one(LONG);
    let after_a_message = (private(&mut crowd) - before) / count as f64;
    (vec![crowd, first], PerClient { at_rest, after_a_message })
}

pub(crate) fn run(bench: &Bench, peers: impl Fn() -> Vec<Contender>) -> Vec<Section> {
    let room = CLIENTS + WARM;
    let mut contenders = vec![Contender::bytes(bench.cores), Contender::websocket(bench.cores)];
    for has_tls in [false, true].into_iter().filter(|&wanted| !wanted || has_tls()) {
        for speech in [Speech::Ayame, Speech::Mesh, Speech::Relay] {
            contenders.push(Contender::suzu(bench.cores, speech, has_tls, room));
        }
    }
    contenders.extend(peers());
    let head = [
        "server",
        "at start: RSS KB",
        "private dirty KB",
        "an idle client: bytes",
        "after a message of 3 KB",
    ];
    let mut section = Section::new("memory", "Memory", &head);
    start_of_defaults(bench, &mut section);
    let mut rows = Vec::new();
    for contender in &contenders {
        let start = Memory::of(contender.pid());
        let (_crowds, PerClient { at_rest, after_a_message }) = fill(contender, CLIENTS);
        let name = &contender.name;
        budgets(&mut section, name, at_rest, after_a_message);
        rows.push((name.clone(), vec![at_rest, after_a_message]));
        let mut cells =
            vec![name.clone(), thousands(start.resident as f64), thousands(start.private_dirty as f64)];
        cells.extend([short(at_rest), short(after_a_message)]);
        let json = json!({
            "server": name, "rss_kib": start.resident, "private_dirty_kib": start.private_dirty,
            "idle_client_bytes": at_rest, "idle_client_bytes_after_3_kb": after_a_message,
        });
        section.row(cells, json);
    }
    section.charts.push(Chart {
        name: "performance-memory",
        title: "Private memory of an idle client, in bytes".to_owned(),
        series: vec!["at rest".to_owned(), "after a message of 3 KB".to_owned()],
        rows,
    });
    vec![section]
}

/// suzu with the tables that it has by default, and nobody there.
fn start_of_defaults(bench: &Bench, section: &mut Section) {
    for (has_tls, budget) in [(false, 1_024.0), (true, 1_792.0)] {
        if has_tls && !self::has_tls() {
            continue;
        }
        let tls = if has_tls { "auto" } else { "off" };
        let name = format!("{}, as it comes", suzu_name(Speech::Ayame, has_tls));
        let contender =
            Contender::suzu_with(bench.cores, &name, program(), Speech::Ayame, false, &["--tls", tls]);
        let Memory { resident, private_dirty } = Memory::of(contender.pid());
        let json = json!({"server": name, "rss_kib": resident, "private_dirty_kib": private_dirty});
        let cells =
            [thousands(resident as f64), thousands(private_dirty as f64), String::new(), String::new()];
        section.row([vec![name.clone()], cells.to_vec()].concat(), json);
        // With a C library of its own in memory, the budget would be about that.
        if is_static(contender.pid()) {
            section.at_most(format!("{name}: RSS at start"), resident as f64, budget, "KB");
        }
    }
}

fn budgets(section: &mut Section, name: &str, at_rest: f64, after_a_message: f64) {
    if name.starts_with("suzu") {
        let budget = if name.ends_with("TLS") { 5_120.0 } else { 768.0 };
        section.at_most(format!("{name}: an idle client"), at_rest, budget, "B");
        section.at_most(
            format!("{name}: an idle client after a message of 3 KB"),
            after_a_message,
            budget,
            "B",
        );
    }
}
