//! Floods: lines of the same place in the source and of the same reason are alike. Of those that are alike, a burst is written in each window of
//! time; what is more is counted, and summed up in one line when the window is over. While the flood goes on, nothing but these sums is
//! written, and they come ever more rarely.
//!
//! Pure: time is an argument. The table is fixed: in one that is full, strangers share a row, and are still limited.

use super::cut;
use log::Level;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    time::Duration,
};

/// So many lines that are alike are written in a window.
pub(super) const BURST: u32 = 10;
/// How long a window is.
pub(super) const WINDOW: Duration = Duration::from_secs(10);
/// How long it becomes while a flood goes on: doubled each time, up to this.
const WINDOW_MAX: Duration = Duration::from_secs(60);
/// Rows of the table.
const ROWS: usize = 64;
/// Of those, how many are for warnings and errors only: what others cause is mostly less than that.
const ROWS_RESERVED: usize = 16;
/// Rows of one place in the source: reasons can be what somebody else says.
const ROWS_A_PLACE: usize = 8;
/// What is kept of a line that was not written, in bytes.
const SAMPLE_BYTES: usize = 240;

/// Where in the source a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: &'static str,
    pub(super) line: u32,
}

/// What is to be done with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is written.
    Write,
    /// It is not, and is the first of those: [`Repeats::keep`] wants it, for the sum.
    First(Row),
    /// It is not.
    Count,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row(usize);

/// What was not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) level: Level,
    pub(super) target: String,
    /// How many lines.
    pub(super) more: u64,
    /// In which time.
    pub(super) over: Duration,
    /// The first of them.
    pub(super) sample: String,
}

/// Who has written how much.
#[derive(Debug)]
pub(super) struct Repeats {
    rows: Vec<Count>,
    /// When the first sum is due.
    next: Option<Duration>,
}

#[derive(Debug)]
struct Count {
    place: Place,
    reason: u64,
    level: Level,
    /// The window's beginning and length.
    since: Duration,
    length: Duration,
    written: u32,
    /// How many were not.
    more: u64,
    target: String,
    sample: String,
}

impl Count {
    fn new(place: Place, reason: u64, level: Level, now: Duration) -> Self {
        let (target, sample) = (String::new(), String::new());
        Self { place, reason, level, since: now, length: WINDOW, written: 0, more: 0, target, sample }
    }

    fn end(&self) -> Duration {
        self.since + self.length
    }

    /// Whether nothing would be lost with it.
    fn is_at_rest(&self, now: Duration) -> bool {
        self.more == 0 && self.end() <= now
    }

    fn sum_up(&mut self, now: Duration) -> Summary {
        let summary = Summary {
            level: self.level,
            target: mem::take(&mut self.target),
            more: mem::take(&mut self.more),
            over: now.saturating_sub(self.since),
            sample: mem::take(&mut self.sample),
        };
        // In the next window nothing is written, and if nothing comes, that was the end of the flood.
        self.since = now;
        self.written = BURST;
        self.length = (self.length * 2).min(WINDOW_MAX);
        summary
    }
}

impl Repeats {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), next: None }
    }

    /// A line is about to be written.
    pub(super) fn admit(&mut self, place: Place, reason: &str, level: Level, now: Duration) -> Admission {
        let row = self.row(place, hash(reason), level, now);
        let Some(count) = self.rows.get_mut(row) else { return Admission::Write };
        // Strangers may share it: the sum is as grave as the gravest of them.
        count.level = count.level.min(level);
        if count.is_at_rest(now) {
            (count.since, count.length, count.written) = (now, WINDOW, 0);
        }
        if count.written < BURST {
            count.written += 1;
            return Admission::Write;
        }
        count.more += 1;
        if count.more > 1 {
            return Admission::Count;
        }
        let end = count.end();
        self.next = Some(self.next.map_or(end, |next| next.min(end)));
        Admission::First(Row(row))
    }

    /// Keeps the line for the sum.
    pub(super) fn keep(&mut self, row: Row, target: &str, said: &str) {
        if let Some(count) = self.rows.get_mut(row.0) {
            count.target = target.to_owned();
            count.sample = cut(said, SAMPLE_BYTES).to_owned();
        }
    }

    /// When the next sum is due.
    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.next
    }

    /// The next sum that is due.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Summary> {
        if self.next.is_none_or(|next| next > now) {
            return None;
        }
        let due = self.rows.iter_mut().find(|count| count.more > 0 && count.end() <= now);
        let summary = due.map(|count| count.sum_up(now));
        self.next = self.rows.iter().filter(|count| count.more > 0).map(Count::end).min();
        summary
    }

    /// The next sum, due or not.
    pub(super) fn poll_rest(&mut self, now: Duration) -> Option<Summary> {
        let owed = self.rows.iter_mut().find(|count| count.more > 0);
        let summary = owed.map(|count| count.sum_up(now));
        self.next = self.rows.iter().filter(|count| count.more > 0).map(Count::end).min();
        summary
    }

    /// The row of those that are alike.
    fn row(&mut self, place: Place, reason: u64, level: Level, now: Duration) -> usize {
        let is_of = |count: &Count| count.place == place;
        if let Some(row) = self.rows.iter().position(|count| is_of(count) && count.reason == reason) {
            return row;
        }
        let own = self.rows.iter().filter(|count| is_of(count) && !count.is_at_rest(now)).count();
        if own >= ROWS_A_PLACE {
            return self.rows.iter().rposition(is_of).unwrap_or_default();
        }
        let new = Count::new(place, reason, level, now);
        let rows = if level <= Level::Warn { ROWS } else { ROWS - ROWS_RESERVED };
        if let Some(row) = self.rows.iter().take(rows).position(|count| count.is_at_rest(now)) {
            if let Some(count) = self.rows.get_mut(row) {
                *count = new;
            }
            return row;
        }
        if self.rows.len() < rows {
            self.rows.push(new);
            return self.rows.len() - 1;
        }
        place.line as usize % rows
    }
}

fn hash(reason: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    reason.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place { file: "here.rs", line: 7 };

    /// Says so much at once; how much of it is written.
    fn say(repeats: &mut Repeats, place: Place, reason: &str, times: usize, now: u64) -> usize {
        let now = Duration::from_secs(now);
        let admissions = (0..times).map(|number| {
            let admission = repeats.admit(place, reason, Level::Info, now);
            if let Admission::First(row) = admission {
                repeats.keep(row, "suzu::here", &format!("{reason} {number}"));
            }
            admission
        });
        admissions.filter(|admission| *admission == Admission::Write).count()
    }

    fn sums(repeats: &mut Repeats, now: u64) -> Vec<(u64, u64, String)> {
        let polled = std::iter::from_fn(|| repeats.poll(Duration::from_secs(now)));
        polled.map(|summary| (summary.more, summary.over.as_secs(), summary.sample)).collect()
    }

    #[test]
    fn a_flood_is_a_burst_and_then_ever_rarer_sums() {
        let mut repeats = Repeats::new();
        let (mut written, mut summed, mut lines) = (0, 0, Vec::new());
        for now in 0..300 {
            for (more, over, _) in sums(&mut repeats, now) {
                summed += more;
                lines.push((now, over));
            }
            written += say(&mut repeats, HERE, "flood", 50, now);
        }
        assert_eq!(written, 10);
        assert_eq!(lines, [(10, 10), (30, 20), (70, 40), (130, 60), (190, 60), (250, 60)]);
        assert_eq!(summed, 250 * 50 - 10, "nothing is lost: what is left is owed");
        assert_eq!(repeats.next_timeout(), Some(Duration::from_secs(310)));
        let rest = repeats.poll_rest(Duration::from_secs(300)).unwrap();
        assert_eq!((rest.more, rest.over, &*rest.target), (50 * 50, Duration::from_secs(50), "suzu::here"));
        assert_eq!(repeats.poll_rest(Duration::from_secs(300)), None);
    }

    #[test]
    fn what_stays_within_the_burst_is_written_and_owes_nothing() {
        let mut repeats = Repeats::new();
        for now in 0..100 {
            assert_eq!(say(&mut repeats, HERE, "now and then", 1, now), 1, "at {now}");
            assert_eq!(repeats.next_timeout(), None, "an idle server sleeps");
        }
    }

    #[test]
    fn after_a_flood_everything_is_as_before() {
        let mut repeats = Repeats::new();
        assert_eq!(say(&mut repeats, HERE, "a", 11, 0), 10);
        assert_eq!(sums(&mut repeats, 9), []);
        assert_eq!(sums(&mut repeats, 10), [(1, 10, "a 10".to_owned())]);
        assert_eq!(repeats.next_timeout(), None);
        assert_eq!(say(&mut repeats, HERE, "a", 1, 29), 0, "it goes on");
        assert_eq!(sums(&mut repeats, 30), [(1, 20, "a 0".to_owned())]);
        assert_eq!(say(&mut repeats, HERE, "a", 11, 100), 10);
    }

    #[test]
    fn other_places_and_other_reasons_are_not_held_back() {
        let mut repeats = Repeats::new();
        let there = Place { line: 8, ..HERE };
        say(&mut repeats, HERE, "a", 1_000, 0);
        assert_eq!(say(&mut repeats, HERE, "b", 1, 0), 1);
        assert_eq!(say(&mut repeats, there, "a", 1, 0), 1);
    }

    #[test]
    fn whatever_others_say_the_table_does_not_grow_and_limits() {
        let mut repeats = Repeats::new();
        let written: usize = (0..10_000).map(|n| say(&mut repeats, HERE, &format!("reason {n}"), 1, 0)).sum();
        assert_eq!(written, 7 + 10, "the last of its rows is everybody's");
        for line in 0..10_000 {
            say(&mut repeats, Place { line, ..HERE }, "", 20, 0);
        }
        let rows = ROWS - ROWS_RESERVED;
        assert_eq!(repeats.rows.len(), rows);
        assert_eq!(say(&mut repeats, Place { line: 20_000, ..HERE }, "", 20, 0), 0);
        let fault = Place { file: "there.rs", ..HERE };
        assert_eq!(repeats.admit(fault, "full disk", Level::Error, Duration::ZERO), Admission::Write);
        assert_eq!(sums(&mut repeats, 10).len(), rows);
        assert_eq!(say(&mut repeats, Place { line: 20_000, ..HERE }, "", 20, 100), 10, "they are free again");
    }

    #[test]
    fn a_sum_is_as_grave_as_the_gravest_line_in_it() {
        let mut repeats = Repeats::new();
        for level in [Level::Info, Level::Error, Level::Info] {
            for _ in 0..10 {
                repeats.admit(HERE, "", level, Duration::ZERO);
            }
        }
        assert_eq!(repeats.poll_rest(Duration::ZERO).unwrap().level, Level::Error);
    }

    #[test]
    fn only_so_much_of_a_line_is_kept() {
        let mut repeats = Repeats::new();
        say(&mut repeats, HERE, &"鈴".repeat(1_000), 11, 0);
        let [(_, _, sample)] = &sums(&mut repeats, 10)[..] else { panic!("not one sum") };
        assert_eq!(sample, &"鈴".repeat(80));
    }
}
