//! What it costs the server when somebody comes: accept, TLS, upgrade, and the seat.

use super::{
    Bench,
    client::Door,
    contender::{Contender, Speech, has_tls},
    load::arrive,
    machine::{Cpu, wait_asleep},
    report::{Section, median, short, thousands},
};
use serde_json::json;

/// So many come at once.
const BATCH: usize = 32;
/// Seats of those who are gone, kept for their return, must not fill the tables.
const ROOM: usize = 8_192;

pub(crate) fn run(bench: &Bench, peers: impl Fn() -> Vec<Contender>) -> Vec<Section> {
    // Not (a): it answers nothing, so nobody could tell when it has taken somebody in.
    let mut contenders = vec![Contender::websocket(bench.cores)];
    for has_tls in [false, true].into_iter().filter(|&wanted| !wanted || has_tls()) {
        contenders.push(Contender::suzu(bench.cores, Speech::Ayame, has_tls, ROOM));
        contenders.push(Contender::suzu(bench.cores, Speech::Relay, has_tls, ROOM));
    }
    contenders.extend(peers());
    let doors: Vec<Door> = contenders.iter().map(Door::of).collect();
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    let mut ratios = costs.clone();
    // The first round only warms up.
    for round in 0..=bench.rounds {
        let nanos: Vec<f64> = contenders
            .iter()
            .zip(&doors)
            .map(|(contender, door)| batch(contender, door, round * BATCH))
            .collect();
        for (at, &cost) in nanos.iter().enumerate().filter(|_| round > 0) {
            costs[at].push(cost);
            ratios[at].push(cost / nanos[0]);
        }
    }
    vec![section(&contenders, &mut costs, &mut ratios)]
}

/// Nanoseconds a client.
fn batch(contender: &Contender, door: &Door, first: usize) -> f64 {
    let pid = contender.pid();
    wait_asleep(pid);
    let before = Cpu::of(pid);
    let clients = arrive(door, first, BATCH);
    wait_asleep(pid);
    let cost = Cpu::of(pid).since(before).nanos as f64 / BATCH as f64;
    drop(clients);
    cost
}

fn section(contenders: &[Contender], costs: &mut [Vec<f64>], ratios: &mut [Vec<f64>]) -> Section {
    let head = ["server", "to (b)", "µs", "connections a second of processor time"];
    let mut section = Section::new("arrival", "Processor time of a connection, until it has its seat", &head);
    for ((contender, costs), ratios) in contenders.iter().zip(costs).zip(ratios) {
        let (us, ratio, name) = (median(costs) / 1e3, median(ratios), &contender.name);
        let json =
            json!({"server": name, "ratio": ratio, "cpu_us": us, "connections_per_cpu_second": 1e6 / us});
        section.row(vec![name.clone(), short(ratio), short(us), thousands(1e6 / us)], json);
        if name.starts_with("suzu ayame") {
            let budget = if name.ends_with("TLS") { 9.0 } else { 1.4 };
            let what = format!("{name}: connection, upgrade, register and accept, to (b)'s upgrade");
            section.at_most(what, ratio, budget, "");
        }
    }
    section
}
