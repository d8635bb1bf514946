//! Whether a run was flat: what was read, and what it may be at most.

/// The server with everybody in their places and nobody doing anything, so that two such moments can be compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Still {
    /// Seconds since the run began.
    pub(crate) at: f64,
    pub(crate) private_kib: f64,
    pub(crate) resident_kib: f64,
    /// How far what it has is from what it must have.
    pub(crate) off: Off,
}

/// Differences, added up without their signs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Off {
    /// Between the server's descriptors and connections.
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// Between its own counts of clients, seats, rooms and connections and those of the load.
    pub(crate) clients: u64,
    /// Between messages said and received, and sent and heard.
    pub(crate) messages: u64,
}

/// The server under load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) at: f64,
    pub(crate) private_kib: f64,
    pub(crate) resident_kib: f64,
    pub(crate) descriptors: f64,
    /// Of one core, in percent.
    pub(crate) cpu_percent: f64,
    pub(crate) messages_per_s: f64,
    pub(crate) connections_per_s: f64,
    /// Of round trips since the sample before.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// All that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) seconds: f64,
    pub(crate) stills: Vec<Still>,
    pub(crate) samples: Vec<Sample>,
    /// With nobody there: after a first round of everything, and at the end.
    pub(crate) empty: [Still; 2],
}

/// A figure, and what it may be at most.
pub(crate) struct Check {
    pub(crate) what: &'static str,
    pub(crate) figure: f64,
    pub(crate) at_most: f64,
    pub(crate) unit: &'static str,
}

impl Check {
    /// No figure at all meets nothing.
    pub(crate) fn is_met(&self) -> bool {
        self.figure <= self.at_most
    }
}

/// What memory may grow by in the whole run, however long it is: for an hour, that is about a third of a byte a connection.
const GROWTH_KIB: f64 = 64.0;
/// With nobody there, the allocator has given back what was at the top of its heap, and not what lies between the little that stays.
const GROWTH_EMPTY_KIB: f64 = 256.0;
/// Pages of the program itself come into memory when they are needed first.
const GROWTH_RESIDENT_KIB: f64 = 256.0;
/// Only what is gross: others work on the machine, too.
const SLOWER: f64 = 3.0;
/// Of a few minutes the first fifth may have a quiet machine, and the last a busy one.
const SLOWER_IN_A_SHORT_RUN: f64 = 10.0;
const SHORT_SECONDS: f64 = 1_200.0;

pub(crate) fn judge(run: &Run) -> Vec<Check> {
    // What is needed once is there after the first tenth.
    let warm_up = run.seconds / 10.0;
    let warm: Vec<&Still> = run.stills.iter().filter(|still| still.at >= warm_up).collect();
    let series = |of: fn(&Still) -> f64| warm.iter().map(|still| (still.at, of(still))).collect::<Vec<_>>();
    let (private, resident) = (series(|still| still.private_kib), series(|still| still.resident_kib));
    let off = |of: fn(&Off) -> u64| {
        let all = run.stills.iter().chain(&run.empty).map(|still| of(&still.off));
        if run.stills.is_empty() { f64::NAN } else { all.max().unwrap_or(0) as f64 }
    };
    let latency: Vec<_> = run.samples.iter().map(|sample| (sample.at, sample.p50_us)).collect();
    let ends = ends(&latency);
    let slower = if run.seconds < SHORT_SECONDS { SLOWER_IN_A_SHORT_RUN } else { SLOWER };
    let check = |what, figure, at_most, unit| Check { what, figure, at_most, unit };
    vec![
        check("private memory, trend over the run", slope(&private) * run.seconds, GROWTH_KIB, "KiB"),
        check("private memory, last fifth less first fifth", rise(&private), GROWTH_KIB, "KiB"),
        check(
            "private memory with nobody there, end less begin",
            run.empty[1].private_kib - run.empty[0].private_kib,
            GROWTH_EMPTY_KIB,
            "KiB",
        ),
        check(
            "resident memory, trend over the run",
            slope(&resident) * run.seconds,
            GROWTH_RESIDENT_KIB,
            "KiB",
        ),
        check("descriptors beside those expected", off(|off| off.descriptors), 0.0, ""),
        check("threads beside those expected", off(|off| off.threads), 0.0, ""),
        check("clients, seats, rooms and connections miscounted", off(|off| off.clients), 0.0, ""),
        check("messages lost or invented", off(|off| off.messages), 0.0, ""),
        check("median round trip, last fifth to first fifth", ends.1 / ends.0, slower, ""),
    ]
}

/// The median of the slopes between any two points (Theil and Sen): a few points that stand out do not bend it.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let pairs =
        points.iter().enumerate().flat_map(|(at, from)| points[at + 1..].iter().map(move |to| (from, to)));
    let mut slopes: Vec<f64> = pairs.map(|(from, to)| (to.1 - from.1) / (to.0 - from.0)).collect();
    // Two or three points would have a trend by accident.
    if points.len() < 5 { f64::NAN } else { median(&mut slopes) }
}

/// How far up it went, in a step or slowly.
fn rise(points: &[(f64, f64)]) -> f64 {
    let (first, last) = ends(points);
    last - first
}

/// The medians of the first fifth and of the last.
pub(crate) fn ends(points: &[(f64, f64)]) -> (f64, f64) {
    let fifth = points.len() / 5;
    let of = |points: &[(f64, f64)]| median(&mut points.iter().map(|point| point.1).collect::<Vec<_>>());
    (of(&points[..fifth]), of(&points[points.len() - fifth..]))
}

/// The middle one; no number of none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
