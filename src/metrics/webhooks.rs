//! Calls of webhooks: by what came of them, and as Ayame counts them.

use super::{
    histogram::{Histogram, REQUEST},
    text::{Labels, bounded, written},
};
use std::time::Duration;

/// Stands for all that has no series of its own.
const OTHER: &str = "other";

/// Which webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Asks whether somebody may come in.
    Authn,
    /// Tells that a session is over.
    Disconnect,
}

impl Hook {
    fn name(self) -> &'static str {
        match self {
            Self::Authn => "authn",
            Self::Disconnect => "disconnect",
        }
    }
}

/// Series by their labels, as these are written. Each can be told as a counter or as a histogram. So many are kept apart, in the order in
/// which they first occur; the rest is `other`: what a webhook answers is not in our hands.
#[derive(Debug)]
pub(super) struct Table {
    max: usize,
    rows: Vec<(String, Histogram)>,
}

impl Table {
    const fn of(max: usize) -> Self {
        Self { max, rows: Vec::new() }
    }

    /// Counts something with these labels, or with the others if the table is full of different ones.
    fn observe(&mut self, labels: Labels<'_>, others: Labels<'_>, elapsed: Duration) {
        let is_full = self.rows.len() >= self.max;
        let labels = written(labels);
        let labels = if is_full && self.find(&labels).is_none() { written(others) } else { labels };
        let place = self.find(&labels).unwrap_or_else(|| {
            self.rows.push((labels, Histogram::new(REQUEST)));
            self.rows.len() - 1
        });
        if let Some((_, histogram)) = self.rows.get_mut(place) {
            histogram.observe(elapsed, 1);
        }
    }

    fn find(&self, labels: &str) -> Option<usize> {
        self.rows.iter().position(|(known, _)| known == labels)
    }

    pub(super) fn rows(&self) -> &[(String, Histogram)] {
        &self.rows
    }
}

/// What was counted of all webhooks.
#[derive(Debug)]
pub struct Webhooks {
    /// By webhook and result.
    pub(super) results: Table,
    /// By webhook alone.
    pub(super) durations: Table,
    /// Answers, with Ayame's labels.
    pub(super) answers: Table,
    /// What the authority has said, with Ayame's labels.
    pub(super) verdicts: Table,
}

impl Webhooks {
    pub(super) const fn new() -> Self {
        Self {
            results: Table::of(12),
            durations: Table::of(2),
            answers: Table::of(6),
            verdicts: Table::of(16),
        }
    }

    /// Counts a call to this host and path: the status of the answer, or a word for what was wrong; and how long it took.
    pub fn called(
        &mut self,
        hook: Hook,
        (host, path): (&str, &str),
        result: Result<u16, &'static str>,
        elapsed: Duration,
    ) {
        let hook = ("webhook", hook.name());
        let word = match result {
            Ok(status) => status.to_string(),
            Err(fault) => fault.to_owned(),
        };
        self.results.observe(&[hook, ("result", &word)], &[hook, ("result", OTHER)], elapsed);
        self.durations.observe(&[hook], &[hook], elapsed);
        // Ayame counts answers only.
        if result.is_ok() {
            self.answers.observe(&posted(&word, host, path), &posted(OTHER, OTHER, OTHER), elapsed);
        }
    }

    /// Counts what an authority has said: yes, or no and why.
    pub fn said(&mut self, (host, path): (&str, &str), denied: Option<&str>) {
        let allowed = ("allowed", if denied.is_none() { "true" } else { "false" });
        let labels = |called: [_; 4], why| {
            let [code, method, host, url] = called;
            [code, method, host, url, allowed, ("reason", why)]
        };
        let said = labels(posted("200", host, path), bounded(denied.unwrap_or_default()));
        let others = labels(posted("200", OTHER, OTHER), OTHER);
        self.verdicts.observe(&said, &others, Duration::ZERO);
    }
}

/// What Ayame says of an answer.
fn posted<'a>(code: &'a str, host: &'a str, path: &'a str) -> [(&'static str, &'a str); 4] {
    [("code", code), ("method", "POST"), ("host", bounded(host)), ("url", bounded(path))]
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("box:3001", "/authn");
    const TIME: Duration = Duration::from_millis(3);

    fn sum(table: &Table) -> u64 {
        table.rows().iter().map(|(_, histogram)| histogram.count()).sum()
    }

    #[test]
    fn whatever_a_webhook_answers_the_series_are_bounded() {
        let mut hooks = Webhooks::new();
        for status in 200..300 {
            hooks.called(Hook::Authn, URL, Ok(status), TIME);
            hooks.said(URL, Some(&format!("no {status}")));
            hooks.said(URL, Some("other"));
            hooks.said(URL, None);
        }
        hooks.called(Hook::Authn, URL, Err("late"), TIME);
        assert_eq!((sum(&hooks.results), sum(&hooks.durations)), (101, 101));
        assert_eq!((sum(&hooks.answers), sum(&hooks.verdicts)), (100, 300), "no answer is no answer");
        for table in [&hooks.results, &hooks.answers, &hooks.verdicts] {
            let labels: Vec<_> = table.rows().iter().map(|(labels, _)| labels).collect();
            assert!((table.max..=table.max + 2).contains(&labels.len()), "{labels:?}");
            assert!((1..labels.len()).all(|n| !labels[..n].contains(&labels[n])), "{labels:?}");
        }
    }

    #[test]
    fn two_webhooks_at_one_url_are_two_for_us_and_one_for_ayame() {
        let mut hooks = Webhooks::new();
        hooks.called(Hook::Authn, URL, Ok(200), TIME);
        hooks.called(Hook::Disconnect, URL, Ok(200), TIME);
        let counts =
            |table: &Table| table.rows().iter().map(|(_, histogram)| histogram.count()).collect::<Vec<_>>();
        assert_eq!((counts(&hooks.results), counts(&hooks.answers)), (vec![1, 1], vec![2]));
        let (labels, _) = &hooks.answers.rows()[0];
        assert_eq!(labels, r#"code="200",method="POST",host="box:3001",url="/authn""#);
    }
}
