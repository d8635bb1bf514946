//! What a server tells Prometheus, taken apart.

use super::{server::wait_until, wire::Wire};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    net::SocketAddr,
    process::{Command, Stdio},
};

/// The answer to one request for `/metrics`.
pub struct Scrape {
    pub text: String,
    samples: BTreeMap<String, f64>,
}

/// A metric, as it is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    pub name: String,
    pub kind: String,
    pub help: String,
    /// The names of its labels, but for those of classes.
    pub labels: Vec<String>,
}

impl Scrape {
    pub fn of(address: SocketAddr) -> Self {
        let answer = Wire::connect(address).exchange(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
        Self::read(text)
    }

    pub fn read(text: &str) -> Self {
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        };
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(sample).collect();
        let samples: BTreeMap<_, _> = lines.iter().cloned().collect();
        assert_eq!(samples.len(), lines.len(), "a series is there twice: {text}");
        Self { text: text.to_owned(), samples }
    }

    /// The value of a series, `name{label="value"}`.
    pub fn get(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} in {}", self.text))
    }

    /// All series of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let is = move |series: &str| series == name || series.starts_with(&format!("{name}{{"));
        self.samples.iter().filter(move |(series, _)| is(series)).map(|(series, value)| (&**series, *value))
    }

    /// The values of all series of this name together.
    pub fn sum(&self, name: &str) -> f64 {
        self.all(name).map(|(_, value)| value).sum()
    }

    /// The series of these names whose value is not 0, but for those named.
    pub fn unlike_zero(&self, names: &[&str]) -> BTreeMap<String, f64> {
        let all = names.iter().flat_map(|name| self.all(name));
        all.filter(|(_, value)| *value != 0.0).map(|(series, value)| (series.to_owned(), value)).collect()
    }

    /// All metrics, in their order.
    pub fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = Vec::new();
        let mut helps = BTreeMap::new();
        for line in self.text.lines() {
            if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
                helps.insert(name, help);
            } else if let Some((name, kind)) =
                line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
            {
                let (kind, help) = (kind.to_owned(), helps[name].to_owned());
                families.push(Family { name: name.to_owned(), kind, help, labels: Vec::new() });
            } else if let Some(family) = families.last_mut() {
                assert!(line.starts_with(&family.name), "{line} is not of {}", family.name);
                let labels = line.split_once('{').map_or("", |(_, rest)| rest).split("=\"");
                let labels: Vec<_> = labels.filter_map(|part| part.rsplit(['{', ',', '"']).next()).collect();
                for label in labels.iter().take(labels.len().saturating_sub(1)) {
                    if *label != "le" && !family.labels.iter().any(|known| known == label) {
                        family.labels.push((*label).to_owned());
                    }
                }
            }
        }
        families
    }

    /// The names under which there are samples, those of histograms' parts included.
    pub fn names(&self) -> BTreeSet<&str> {
        self.samples.keys().map(|series| series.split('{').next().unwrap()).collect()
    }
}

/// Scrapes until something is so.
pub fn scrape_until(address: SocketAddr, what: &str, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
    let mut scrape = Scrape::of(address);
    wait_until(what, || {
        if !is_so(&scrape) {
            scrape = Scrape::of(address);
        }
        is_so(&scrape)
    });
    scrape
}

/// Runs promtool with this input: whether it was content, and what it said. `None`, said loudly, if there is no promtool.
pub fn promtool(args: &[&str], input: &str) -> Option<(bool, String)> {
    let mut command = Command::new("promtool");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        super::skip("promtool (Debian: prometheus)");
        return None;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    Some((output.status.success(), said))
}
