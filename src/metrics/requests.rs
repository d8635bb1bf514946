//! HTTP requests: by status, and as Ayame counts them.

use super::{
    histogram::{Histogram, REQUEST},
    text::written,
};
use crate::http::asked::{Asked, Method, Place};
use std::time::Duration;

/// What answers can have for a status; anything else would be counted as `other`.
pub(super) const STATUSES: [u16; 15] =
    [101, 200, 204, 304, 307, 400, 401, 403, 404, 405, 408, 426, 429, 431, 503];
/// So many combinations of labels are kept apart, in the order in which they first occur; the rest is one. There are more than can be shown, and
/// anybody can provoke most of them.
pub(super) const SERIES_MAX: usize = 10;

/// What tells one series from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    status: u16,
    asked: Asked,
}

#[derive(Debug)]
struct Series {
    /// `None` for all that have no series of their own.
    key: Option<Key>,
    /// How many were answered in this turn.
    unmeasured: u64,
    durations: Histogram,
}

/// What was asked and answered by HTTP.
#[derive(Debug)]
pub(super) struct Requests {
    statuses: [u64; STATUSES.len() + 1],
    series: Vec<Series>,
    is_unmeasured: bool,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self {
            statuses: [0; STATUSES.len() + 1],
            series: Vec::with_capacity(SERIES_MAX + 1),
            is_unmeasured: false,
        }
    }

    /// Counts an answer. How long it took is known at the end of the turn.
    pub(super) fn count(&mut self, status: u16, asked: Asked) {
        let index = STATUSES.iter().take_while(|known| **known != status).count();
        if let Some(count) = self.statuses.get_mut(index) {
            *count += 1;
        }
        // Ayame's library says so of a WebSocket, since nobody tells it otherwise.
        let status = if status == 101 { 200 } else { status };
        let key = Some(Key { status, asked });
        let known = self.series.iter().position(|series| series.key == key);
        let key = if known.is_some() || self.series.len() < SERIES_MAX { key } else { None };
        let index = self.series.iter().position(|series| series.key == key).unwrap_or_else(|| {
            self.series.push(Series { key, unmeasured: 0, durations: Histogram::new(REQUEST) });
            self.series.len() - 1
        });
        if let Some(series) = self.series.get_mut(index) {
            series.unmeasured += 1;
            self.is_unmeasured = true;
        }
    }

    /// The turn is over, and took so long: so did each of its answers.
    pub(super) fn measure(&mut self, turn: Duration) {
        if std::mem::take(&mut self.is_unmeasured) {
            for series in &mut self.series {
                series.durations.observe(turn, std::mem::take(&mut series.unmeasured));
            }
        }
    }

    /// How many answers had each status; the last is of all others.
    pub(super) fn statuses(&self) -> impl Iterator<Item = (Option<u16>, u64)> {
        STATUSES.iter().map(|status| Some(*status)).chain([None]).zip(self.statuses)
    }

    /// The labels of each series, as they are written, and its durations. `signaling` is where Ayame's protocol is spoken.
    pub(super) fn rows(&self, host: &str, signaling: &str) -> Vec<(String, Histogram)> {
        let row = |series: &Series| {
            let code = series.key.map_or_else(|| "other".to_owned(), |key| key.status.to_string());
            let (method, url) = match series.key.map(|key| key.asked) {
                None => ("other", "all"),
                Some(Asked { method, place }) => (
                    match method {
                        Method::Get => "GET",
                        Method::Head => "HEAD",
                        Method::Other => "other",
                    },
                    match place {
                        Place::Signaling => signaling,
                        Place::Health => "/.ok",
                        Place::Other => "other",
                    },
                ),
            };
            written(&[("code", &code), ("method", method), ("host", host), ("url", url)])
        };
        self.series.iter().map(|series| (row(series), series.durations.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_combinations_than_are_kept_are_one() {
        let asked = Asked { method: Method::Get, place: Place::Other };
        let mut requests = Requests::new();
        for status in 400..440 {
            requests.count(status, asked);
            requests.count(status, asked);
        }
        requests.measure(Duration::from_millis(1));
        requests.count(400, asked);
        let rows = requests.rows("box", "/signaling");
        assert_eq!(rows.len(), SERIES_MAX + 1);
        let (labels, durations) = &rows[0];
        assert_eq!(labels, r#"code="400",method="GET",host="box",url="other""#);
        assert_eq!(durations.count(), 2, "the last one is not measured yet");
        let (labels, durations) = &rows[SERIES_MAX];
        assert_eq!(labels, r#"code="other",method="other",host="box",url="all""#);
        assert_eq!(durations.count(), 2 * (40 - SERIES_MAX as u64));
        let statuses: Vec<_> = requests.statuses().filter(|(_, count)| *count > 0).collect();
        assert!(statuses.contains(&(Some(400), 3)) && statuses.contains(&(None, 2 * 31)), "{statuses:?}");
    }
}
