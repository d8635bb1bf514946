//! What was found out: sections with a table each, for people, and the same as JSON for programs.

use super::chart::Chart;
use serde_json::{Value, json};

/// One question and its answer.
pub(crate) struct Section {
    /// Its name on the command line, in the JSON and in docs/performance.md.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) json: Value,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) charts: Vec<Chart>,
}

impl Section {
    pub(crate) fn new(id: &'static str, title: &'static str, head: &[&str]) -> Self {
        let head = head.iter().map(|&column| column.to_owned()).collect();
        Self { id, title, head, rows: Vec::new(), json: json!([]), verdicts: Vec::new(), charts: Vec::new() }
    }

    /// Adds a row, and what programs get to read of it.
    pub(crate) fn row(&mut self, cells: Vec<String>, json: Value) {
        self.rows.push(cells);
        if let Value::Array(rows) = &mut self.json {
            rows.push(json);
        }
    }

    /// Says how a figure stands to its budget.
    pub(crate) fn at_most(&mut self, what: String, figure: f64, budget: f64, unit: &'static str) {
        self.verdicts.push(Verdict { what, figure, budget, unit });
    }

    /// As Markdown.
    pub(crate) fn table(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<_> = (0..self.head.len()).map(|at| if at == 0 { "---" } else { "---:" }).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}|{}|\n{rows}", line(&self.head), rule.join("|"))
    }
}

/// A figure and what it may be at most.
pub(crate) struct Verdict {
    what: String,
    figure: f64,
    budget: f64,
    unit: &'static str,
}

impl Verdict {
    fn is_met(&self) -> bool {
        self.figure <= self.budget
    }
}

/// All verdicts, as one more section.
pub(crate) fn verdicts(sections: &[Section]) -> Section {
    let mut section = Section::new("budgets", "Budgets", &["budget", "measured", "at most", ""]);
    for verdict in sections.iter().flat_map(|section| &section.verdicts) {
        let Verdict { what, figure, budget, unit } = verdict;
        let mark = if verdict.is_met() { "met" } else { "**missed**" };
        let digits = match *unit {
            "" => 3,
            "/s" => 1,
            _ => 0,
        };
        let number = |value: f64| format!("{value:.digits$} {unit}").trim_end().to_owned();
        let cells = vec![what.clone(), number(*figure), number(*budget), mark.to_owned()];
        section.row(
            cells,
            json!({"what": what, "figure": figure, "budget": budget, "unit": unit, "met": verdict.is_met()}),
        );
    }
    section
}

/// Everything, for programs.
pub(crate) fn json(machine: &str, skipped: &[String], sections: &[Section]) -> Value {
    let by_id = sections.iter().map(|section| (section.id.to_owned(), section.json.clone()));
    let sections: serde_json::Map<_, _> = by_id.collect();
    json!({"machine": machine, "version": env!("CARGO_PKG_VERSION"), "skipped": skipped, "sections": sections})
}

/// Three digits, or all before the point.
pub(crate) fn short(value: f64) -> String {
    let digits = match value.abs() {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// With commas between thousands.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle one; 0 of none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
