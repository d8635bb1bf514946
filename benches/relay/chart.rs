//! Pictures: bars, as SVG, in the colours of whoever looks (dark or light).

use super::report::short;
use std::fmt::Write;

pub(crate) struct Chart {
    /// The file in docs/pictures, without its ending.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    /// What the bars of each row are, from above.
    pub(crate) series: Vec<String>,
    /// A row: its name and a bar for each of the series.
    pub(crate) rows: Vec<(String, Vec<f64>)>,
}

const WIDTH: usize = 760;
const NAMES: usize = 190;
const BAR: usize = 14;
const TOP: usize = 56;
/// Where the longest bar ends; its number stands behind it.
const BARS_END: usize = WIDTH - 60;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}\
    .a{fill:#1f6feb}.b{fill:#8c6bc8}.c{fill:#2da44e}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.a{fill:#4493f8}.b{fill:#ab8be0}.c{fill:#3fb950}}";

impl Chart {
    pub(crate) fn svg(&self) -> String {
        let row = self.series.len() * BAR + 10;
        let height = TOP + self.rows.len() * row + 6;
        let longest = self.rows.iter().flat_map(|(_, bars)| bars).copied().fold(f64::MIN_POSITIVE, f64::max);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<text class=\"title\" x=\"8\" y=\"20\">{title}</text>\n",
            title = escaped(&self.title)
        );
        self.legend(&mut svg);
        for (at, (name, bars)) in self.rows.iter().enumerate() {
            let top = TOP + at * row;
            let middle = top + self.series.len() * BAR / 2 + 4;
            let _ = writeln!(svg, "<text x=\"8\" y=\"{middle}\">{}</text>", escaped(name));
            for (at, (&value, class)) in bars.iter().zip(CLASSES).enumerate() {
                bar(&mut svg, top + at * BAR, value, longest, class);
            }
        }
        svg + "</svg>\n"
    }

    fn legend(&self, svg: &mut String) {
        let mut x = 8;
        for (name, class) in self.series.iter().zip(CLASSES) {
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"32\" width=\"10\" height=\"10\"/><text x=\"{}\" y=\"42\">{}</text>",
                x + 15,
                escaped(name)
            );
            x += 40 + 7 * name.len();
        }
    }
}

const CLASSES: [&str; 3] = ["a", "b", "c"];

fn bar(svg: &mut String, y: usize, value: f64, longest: f64, class: &str) {
    let width = (value / longest * (BARS_END - NAMES) as f64).max(1.0);
    let end = NAMES as f64 + width + 5.0;
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{NAMES}\" y=\"{y}\" width=\"{width:.0}\" height=\"{}\"/><text x=\"{end:.0}\" y=\"{}\">{}</text>",
        BAR - 2,
        y + BAR - 3,
        short(value)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
