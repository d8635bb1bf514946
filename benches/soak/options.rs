//! The command line.

use std::path::PathBuf;

const USAGE: &str = "\
Whether suzu stays as it is, however long it is used: mixed load on the real binary, with its memory, descriptors and latency read meanwhile.

  cargo bench --bench soak -- [OPTIONS]

Options:
  --minutes N   how long (60)
  --json FILE   write everything that was read there
  --write       fill in the tables of docs/reliability.md, and draw docs/pictures/soak.svg
  --draw FILE   draw the picture again, of what --json has kept there, and run nothing
  --help

Exit code 1 if it is not flat. SUZU_UNDER_TEST names another binary, such as a static one.
";

pub(crate) struct Options {
    pub(crate) minutes: f64,
    pub(crate) json: Option<PathBuf>,
    pub(crate) writes_docs: bool,
    pub(crate) draw: Option<PathBuf>,
}

impl Options {
    /// What is wanted; `None` if nothing is to be run.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { minutes: 60.0, json: None, writes_docs: false, draw: None };
        let mut is_bench = false;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--help" | "-h" => {
                    print!("{USAGE}");
                    return Ok(None);
                }
                // cargo bench says so; cargo test does not.
                "--bench" => is_bench = true,
                "--minutes" => {
                    options.minutes = value()?.parse().map_err(|_| "--minutes: a number".to_owned())?;
                }
                "--json" => options.json = Some(value()?.into()),
                "--draw" => options.draw = Some(value()?.into()),
                "--write" => options.writes_docs = true,
                _ => return Err(format!("{word}: no such option; --help has them all")),
            }
        }
        if !is_bench {
            println!("nothing is run unless by cargo bench");
        }
        Ok(is_bench.then_some(options))
    }
}
