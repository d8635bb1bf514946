//! The command line.

use std::path::PathBuf;

/// What can be measured, in this order.
pub(crate) const SECTIONS: [&str; 7] = ["cost", "round-trip", "arrival", "memory", "idle", "calls", "growth"];

const USAGE: &str = "\
What suzu costs, beside the least that it could cost.

  cargo bench --bench relay -- [OPTIONS] [SECTION...]

Sections (all of them, unless some are named):
  cost        processor time a relayed message: 100 at once, and one at a time
  round-trip  how long a message and its answer take at half load
  arrival     processor time of a connection, upgrade and register
  memory      at the start, and of an idle client before and after a message of 3 KB
  idle        wake-ups a second, with 100 clients and with none
  calls       system calls and allocations a relayed message
  growth      cost and memory with 100, 1,000 and 4,000 clients

Options:
  --rounds N       how often each server gets its slice of 50 ms (40)
  --quick          5 rounds, and short waits: a look, not a figure
  --growth         the section growth alone
  --peers DIR      servers of others, as benches/compare installs them
  --json FILE      write everything there
  --write          fill in the tables of docs/performance.md and README.md, and draw docs/pictures/performance-*.svg
  --help

SUZU_UNDER_TEST names another binary to measure, such as a static one.
";

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) is_quick: bool,
    pub(crate) peers: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) writes_docs: bool,
    sections: Vec<String>,
}

impl Options {
    /// What is wanted; `None` if nothing is to be measured.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn parse(words: &[String]) -> Result<Option<Self>, String> {
        let mut options = Self {
            rounds: 40,
            is_quick: false,
            peers: None,
            json: None,
            writes_docs: false,
            sections: Vec::new(),
        };
        let mut is_bench = false;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--help" | "-h" => {
                    print!("{USAGE}");
                    return Ok(None);
                }
                // cargo bench says so; cargo test does not.
                "--bench" => is_bench = true,
                "--rounds" => {
                    options.rounds = value()?.parse().map_err(|_| "--rounds: a number".to_owned())?
                }
                "--quick" => (options.is_quick, options.rounds) = (true, 5),
                "--growth" => options.sections.push("growth".to_owned()),
                "--peers" => options.peers = Some(value()?.into()),
                "--json" => options.json = Some(value()?.into()),
                "--write" => options.writes_docs = true,
                section if SECTIONS.contains(&section) => options.sections.push(section.to_owned()),
                _ => return Err(format!("{word}: no such option or section; --help has them all")),
            }
        }
        if !is_bench {
            println!("nothing is measured unless by cargo bench");
        }
        Ok(is_bench.then_some(options))
    }

    pub(crate) fn wants(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|wanted| wanted == section)
    }
}
