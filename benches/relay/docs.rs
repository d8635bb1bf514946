//! Fills in what the documentation has of figures.

use super::{marks::filled, report::Section};
use std::{fs, path::Path};

/// The project's folder.
const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// Writes tables and pictures of what was measured; what was not stays as it is.
pub(crate) fn write(machine: &str, skipped: &[String], sections: &[Section]) {
    // Budgets are a table of all sections, and not of the few that were measured again.
    let is_whole = waited(sections).is_some() && sections.iter().any(|section| section.id == "growth");
    let written = sections.iter().filter(|section| is_whole || section.id != "budgets");
    let mut parts: Vec<(&str, String)> = written.map(|section| (section.id, section.table())).collect();
    let skipped = skipped.iter().map(|what| format!("Not measured: {what}.\n")).collect::<String>();
    if let Some(waited) = waited(sections) {
        let load = match waited {
            0.0..0.05 => String::new(),
            _ => format!(
                "It had other things to do: floor (b) waited for its core for {:.0} % of the time, so take ratios for figures, and times for noise.\n",
                waited * 100.0
            ),
        };
        parts.push(("machine", format!("{machine}; suzu {}.\n{load}{skipped}", env!("CARGO_PKG_VERSION"))));
    }
    parts.extend(summary(sections).map(|table| ("summary", table)));
    for file in ["docs/performance.md", "README.md"] {
        let path = Path::new(PROJECT).join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, parts.iter().fold(text, |text, (id, part)| filled(&text, id, part))).unwrap();
    }
    for chart in sections.iter().flat_map(|section| &section.charts) {
        let path = format!("{PROJECT}/docs/pictures/{}.svg", chart.name);
        fs::write(path, chart.svg()).unwrap();
    }
}

/// How much of its time floor (b) waited for its core at most, from 0 to 1; `None` if the cost of messages was not measured.
fn waited(sections: &[Section]) -> Option<f64> {
    let cost = sections.iter().filter(|section| ["saturated", "light"].contains(&section.id));
    let floors = cost.filter_map(|section| section.json.get(1));
    let shares = floors.flat_map(|row| ["200_bytes", "3000_bytes"].map(|size| &row[size]["waited_for_core"]));
    shares.filter_map(serde_json::Value::as_f64).reduce(f64::max)
}

/// The short table of the README: what a message costs, to the floor, and what a client takes.
fn summary(sections: &[Section]) -> Option<String> {
    let find = |id: &str| sections.iter().find(|section| section.id == id);
    let (cost, memory) = (find("saturated")?, find("memory")?);
    let figures = |section: &Section, name: &str| {
        section
            .json
            .as_array()?
            .iter()
            .find(|row| row["server"] == name && row["idle_client_bytes"] != 0)
            .cloned()
    };
    let mut table = "| | messages a second and core, 200 B | 3 KB | to the floor, 200 B | 3 KB | an idle client, bytes |\n\
                     |---|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for row in cost.json.as_array()? {
        let name = row["server"].as_str()?;
        let size = |size: &str, figure: &str| row[size][figure].as_f64().unwrap_or(0.0);
        let rate = |at: &str| super::report::thousands(size(at, "messages_per_cpu_second"));
        let client = figures(memory, name).and_then(|row| row["idle_client_bytes"].as_f64());
        table += &format!(
            "| {name} | {} | {} | {:.2} | {:.2} | {} |\n",
            rate("200_bytes"),
            rate("3000_bytes"),
            size("200_bytes", "ratio"),
            size("3000_bytes", "ratio"),
            client.map_or_else(String::new, super::report::thousands)
        );
    }
    Some(table)
}
