//! Prometheus' text format (version 0.0.4): names, labels, values, one a line.

use super::histogram::Histogram;
use std::fmt::Write;

/// The longest value of a label that comes from outside, in bytes as it is written.
pub(super) const LABEL_BYTES_MAX: usize = 100;

/// Labels and their values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A text that grows family by family. (Writing to a String cannot fail.)
#[derive(Debug)]
pub(super) struct Text {
    out: String,
    name: &'static str,
}

impl Text {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), name: "" }
    }

    /// Begins a family: all samples up to the next one are of this name. `help` has no line ends and no backslashes.
    pub(super) fn family(&mut self, name: &'static str, kind: &str, help: &str) -> &mut Self {
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self.name = name;
        self
    }

    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> &mut Self {
        self.family(name, "counter", help)
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> &mut Self {
        self.family(name, "gauge", help)
    }

    pub(super) fn sample(&mut self, labels: Labels<'_>, value: u64) -> &mut Self {
        self.sample_of(&written(labels), value)
    }

    /// A sample whose labels are [`written`] already.
    pub(super) fn sample_of(&mut self, labels: &str, value: u64) -> &mut Self {
        self.start("", labels, "");
        let _ = writeln!(self.out, "{value}");
        self
    }

    /// A sample in seconds, without labels.
    pub(super) fn seconds(&mut self, nanos: u64) -> &mut Self {
        self.start("", "", "");
        self.end_seconds(nanos);
        self
    }

    /// The samples of a histogram, in seconds.
    pub(super) fn histogram_of(&mut self, labels: &str, histogram: &Histogram) -> &mut Self {
        for (bound, count) in histogram.up_to().chain([("+Inf", histogram.count())]) {
            self.start("_bucket", labels, bound);
            let _ = writeln!(self.out, "{count}");
        }
        self.start("_sum", labels, "");
        self.end_seconds(histogram.nanos());
        self.start("_count", labels, "");
        let _ = writeln!(self.out, "{}", histogram.count());
        self
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Everything before the value. `bound` is that of a class, if it is about one.
    fn start(&mut self, suffix: &str, labels: &str, bound: &str) {
        let (name, out) = (self.name, &mut self.out);
        let comma = if labels.is_empty() { "" } else { "," };
        let _ = match (labels, bound) {
            ("", "") => write!(out, "{name}{suffix} "),
            (_, "") => write!(out, "{name}{suffix}{{{labels}}} "),
            (_, bound) => write!(out, "{name}{suffix}{{{labels}{comma}le=\"{bound}\"}} "),
        };
    }

    fn end_seconds(&mut self, nanos: u64) {
        let _ = writeln!(self.out, "{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    }
}

/// Labels as they stand between the braces.
pub(super) fn written(labels: Labels<'_>) -> String {
    let mut text = String::new();
    for (place, (name, value)) in labels.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{name}=\"");
        for c in value.chars() {
            if is_escaped(c) {
                text.push('\\');
            }
            text.push(if c == '\n' { 'n' } else { c });
        }
        text.push('"');
    }
    text
}

fn is_escaped(c: char) -> bool {
    matches!(c, '\\' | '"' | '\n')
}

/// As much of a text as may be the value of a label, as it is written.
pub(super) fn bounded(text: &str) -> &str {
    let mut bytes = 0;
    let cut = text.char_indices().find(|(_, c)| {
        bytes += c.len_utf8() + usize::from(is_escaped(*c));
        bytes > LABEL_BYTES_MAX
    });
    cut.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{super::histogram::REQUEST, *};
    use std::time::Duration;

    #[test]
    fn samples_are_lines_of_their_family() {
        let mut text = Text::with_capacity(0);
        text.counter("a_total", "Some.").sample(&[], 1).sample(&[("x", "y"), ("z", "q\"\\\n\u{9234}")], 2);
        text.gauge("b_seconds", "Others.").seconds(1_500_000_000);
        assert_eq!(
            text.finish(),
            "# HELP a_total Some.\n# TYPE a_total counter\na_total 1\na_total{x=\"y\",z=\"q\\\"\\\\\\n\u{9234}\"} 2\n\
             # HELP b_seconds Others.\n# TYPE b_seconds gauge\nb_seconds 1.500000000\n"
        );
    }

    #[test]
    fn a_histogram_has_buckets_a_sum_and_a_count() {
        let mut histogram = Histogram::new(REQUEST);
        histogram.observe(Duration::from_millis(7), 2);
        let mut text = Text::with_capacity(0);
        text.family("t", "histogram", "How long.").histogram_of("x=\"y\"", &histogram);
        let text = text.finish();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(lines.first(), Some(&"t_bucket{x=\"y\",le=\"0.005\"} 0"));
        assert_eq!(lines.get(1), Some(&"t_bucket{x=\"y\",le=\"0.01\"} 2"));
        let end = ["t_bucket{x=\"y\",le=\"+Inf\"} 2", "t_sum{x=\"y\"} 0.014000000", "t_count{x=\"y\"} 2"];
        assert_eq!(lines.get(11..), Some(&end[..]));
        let mut text = Text::with_capacity(0);
        text.family("t", "histogram", "How long.").histogram_of("", &histogram);
        assert!(text.finish().contains("\nt_bucket{le=\"0.005\"} 0\n"));
    }

    #[test]
    fn long_values_are_cut_between_two_characters() {
        assert_eq!(bounded("short"), "short");
        assert_eq!(bounded(&"x".repeat(101)), "x".repeat(100));
        assert_eq!(bounded(&"\u{9234}".repeat(40)), "\u{9234}".repeat(33));
        assert_eq!(bounded(&"\"".repeat(51)), "\"".repeat(50), "each is written as two bytes");
    }
}
