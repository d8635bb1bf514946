//! How often a server wakes up when nobody says anything: each time costs a board's battery.

use super::{
    Bench,
    contender::{Contender, Speech, has_tls},
    load::Crowd,
    machine::sleeps,
    report::{Section, short},
};
use serde_json::json;
use std::{thread::sleep, time::Duration};

const CLIENTS: usize = 100;
/// Whoever has gone is forgotten by then.
const SILENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(bench: &Bench) -> Vec<Section> {
    // Two of the ticks in which everybody is pinged, or more.
    let time = Duration::from_secs(if bench.is_quick { 10 } else { 20 });
    let head = ["server", "100 clients that answer at once", "within 100 ms", "nobody"];
    let mut section = Section::new("idle", "Wake-ups a second, idle", &head);
    for has_tls in [false, true].into_iter().filter(|&wanted| !wanted || has_tls()) {
        let contender = Contender::suzu(bench.cores, Speech::Ayame, has_tls, CLIENTS);
        let rate = |during: &mut dyn FnMut()| {
            let before = sleeps(contender.pid());
            during();
            (sleeps(contender.pid()) - before) as f64 / time.as_secs_f64()
        };
        let mut crowd = Crowd::new(&contender, CLIENTS);
        crowd.settle();
        let at_once = rate(&mut || crowd.idle(time, Duration::ZERO));
        let spread = rate(&mut || crowd.idle(time, Duration::from_millis(100)));
        drop(crowd);
        sleep(SILENCE);
        let nobody = rate(&mut || sleep(time));
        let name = &contender.name;
        for (what, figure, budget) in [
            ("100 clients that answer at once", at_once, 3.0),
            ("100 clients that answer within 100 ms", spread, 16.0),
            ("nobody there", nobody, 0.0),
        ] {
            section.at_most(format!("{name}: wake-ups, {what}"), figure, budget, "/s");
        }
        let json =
            json!({"server": name, "at_once_per_s": at_once, "spread_per_s": spread, "nobody_per_s": nobody});
        section.row(vec![name.clone(), short(at_once), short(spread), short(nobody)], json);
    }
    vec![section]
}
