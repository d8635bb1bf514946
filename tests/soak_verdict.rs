//! What the soak benchmark calls flat, and that it does not call everything so.

#[path = "../benches/soak/verdict.rs"]
#[allow(dead_code, reason = "the benchmark prints the rest")]
mod verdict;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use verdict::{Run, Sample, Still, judge, slope};

const HOUR: f64 = 3_600.0;

/// A run as it should be, with the noise that there is: pages come and go, and the machine has other things to do.
fn flat(seconds: f64) -> Run {
    let mut random = StdRng::seed_from_u64(1);
    let still = |at: f64, random: &mut StdRng| {
        // Whatever is needed once comes in the beginning.
        let warm_up = if at < seconds / 10.0 { -300.0 } else { 0.0 };
        let noise = 4.0 * random.random_range(-3..=3) as f64;
        Still {
            at,
            private_kib: 1_400.0 + warm_up + noise,
            resident_kib: 5_000.0 + noise,
            ..Still::default()
        }
    };
    let sample = |at: f64, random: &mut StdRng| {
        let p50_us = if random.random_ratio(1, 10) { 2_000.0 } else { random.random_range(70.0..140.0) };
        Sample { at, p50_us, ..Sample::default() }
    };
    Run {
        seconds,
        stills: (1..60).map(|at| still(seconds * f64::from(at) / 60.0, &mut random)).collect(),
        samples: (1..120).map(|at| sample(seconds * f64::from(at) / 120.0, &mut random)).collect(),
        empty: Default::default(),
    }
}

/// What a run misses.
fn missed(run: &Run) -> Vec<&'static str> {
    judge(run).into_iter().filter(|check| !check.is_met()).map(|check| check.what).collect()
}

/// What a change makes a flat run miss.
fn missed_with(change: impl Fn(&mut Run)) -> Vec<&'static str> {
    let mut run = flat(HOUR);
    change(&mut run);
    missed(&run)
}

#[test]
fn a_flat_run_is_flat_however_long() {
    for seconds in [300.0, HOUR, 24.0 * HOUR] {
        assert_eq!(missed(&flat(seconds)), [""; 0], "{seconds} s");
    }
}

#[test]
fn a_leak_is_found() {
    // 100 KiB an hour: half a byte of each of 200,000 connections.
    let leak =
        |run: &mut Run| run.stills.iter_mut().for_each(|still| still.private_kib += 100.0 * still.at / HOUR);
    let names = ["private memory, trend over the run", "private memory, last fifth less first fifth"];
    assert_eq!(missed_with(leak), names);
    // When all are gone the allocator has a say; a page more than it may keep.
    assert_eq!(
        missed_with(|run| run.empty[1].private_kib = 260.0),
        ["private memory with nobody there, end less begin"]
    );
    let resident =
        |run: &mut Run| run.stills.iter_mut().for_each(|still| still.resident_kib += 400.0 * still.at / HOUR);
    assert_eq!(missed_with(resident), ["resident memory, trend over the run"]);
}

#[test]
fn a_step_is_found_that_is_no_trend() {
    let step = |run: &mut Run| {
        run.stills
            .iter_mut()
            .filter(|still| still.at > 0.75 * HOUR)
            .for_each(|still| still.private_kib += 90.0);
    };
    assert!(missed_with(step).contains(&"private memory, last fifth less first fifth"));
}

#[test]
fn one_thing_off_once_is_found() {
    assert_eq!(missed_with(|run| run.stills[7].off.descriptors = 1), ["descriptors beside those expected"]);
    assert_eq!(missed_with(|run| run.empty[1].off.descriptors = 1), ["descriptors beside those expected"]);
    assert_eq!(missed_with(|run| run.stills[7].off.threads = 1), ["threads beside those expected"]);
    assert_eq!(missed_with(|run| run.stills[7].off.messages = 1), ["messages lost or invented"]);
    let name = "clients, seats, rooms and connections miscounted";
    assert_eq!(missed_with(|run| run.stills[7].off.clients = 1), [name]);
}

#[test]
fn only_gross_slowness_counts() {
    let slower = |seconds: f64, factor: f64| {
        let mut run = flat(seconds);
        let late = run.samples.iter_mut().filter(|sample| sample.at > seconds / 2.0);
        late.for_each(|sample| sample.p50_us *= factor);
        missed(&run)
    };
    let name = "median round trip, last fifth to first fifth";
    assert_eq!(slower(HOUR, 2.0), [""; 0]);
    assert_eq!(slower(HOUR, 5.0), [name]);
    assert_eq!(slower(300.0, 5.0), [""; 0]);
    assert_eq!(slower(300.0, 20.0), [name]);
}

#[test]
fn a_run_without_figures_is_not_flat() {
    let missed = missed(&Run { seconds: 60.0, ..Run::default() });
    assert_eq!(
        missed.len(),
        judge(&Run::default()).len() - 1,
        "all but the memory with nobody there: {missed:?}"
    );
}

#[test]
fn a_trend_is_not_bent_by_a_few_that_stand_out() {
    let mut points: Vec<(f64, f64)> = (0..50).map(|at| (f64::from(at), 2.0 * f64::from(at))).collect();
    points[48].1 = 10_000.0;
    points[3].1 = -10_000.0;
    assert!((slope(&points) - 2.0).abs() < 0.01);
}
