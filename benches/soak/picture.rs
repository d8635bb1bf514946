//! The picture of a run: panels above each other, all over the same time.

use super::verdict::{Run, Sample, Still};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
/// Where the lines are.
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 16.0;
/// A panel with its title and its numbers, and the part of it that has the lines.
const PANEL: f64 = 158.0;
const TITLE: f64 = 26.0;
const HEIGHT: f64 = 112.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 36.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}.panel{font-weight:600}\
    .grid{stroke:#d8dee4;stroke-width:1}.a,.b{fill:none;stroke:#1f6feb;stroke-width:1.5}.b{stroke:#bc4c00}\
    .dot{fill:#1f6feb}.key-a{fill:#1f6feb}.key-b{fill:#bc4c00}";

struct Panel {
    title: &'static str,
    /// Names and points, in seconds; the second has the other colour.
    series: Vec<(&'static str, Vec<(f64, f64)>)>,
    axis: Axis,
    has_dots: bool,
}

enum Axis {
    FromZero,
    /// Only what is there, and at least so much.
    Around(f64),
    Logarithmic,
}

pub(crate) fn svg(run: &Run) -> String {
    let panels = panels(run);
    let height = TOP + PANEL * panels.len() as f64 + BOTTOM;
    let title = format!("suzu under mixed load for {:.0} minutes", run.seconds / 60.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text class=\"title\" x=\"8\" y=\"22\">{title}</text>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        panel.draw(&mut svg, TOP + PANEL * at as f64, run.seconds);
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">minutes since the first round of everything</text>",
        (LEFT + RIGHT) / 2.0,
        height - 12.0
    );
    svg + "</svg>\n"
}

fn panels(run: &Run) -> Vec<Panel> {
    let of = |what: fn(&Sample) -> f64| run.samples.iter().map(|sample| (sample.at, what(sample))).collect();
    let still = |what: fn(&Still) -> f64| run.stills.iter().map(|still| (still.at, what(still))).collect();
    vec![
        Panel {
            title: "Memory under load, KiB",
            series: vec![
                ("private", of(|sample| sample.private_kib)),
                ("resident (with pages of the program)", of(|sample| sample.resident_kib)),
            ],
            axis: Axis::FromZero,
            has_dots: false,
        },
        Panel {
            title: "Private memory in moments of stillness, KiB (not from zero)",
            series: vec![("", still(|still| still.private_kib))],
            axis: Axis::Around(128.0),
            has_dots: true,
        },
        Panel {
            title: "Descriptors",
            series: vec![("", of(|sample| sample.descriptors))],
            axis: Axis::FromZero,
            has_dots: false,
        },
        Panel {
            title: "Round trip, µs (logarithmic)",
            series: vec![
                ("median", of(|sample| sample.p50_us)),
                ("99th percentile", of(|sample| sample.p99_us)),
            ],
            axis: Axis::Logarithmic,
            has_dots: false,
        },
        Panel {
            title: "Processor time of the server, % of a core",
            series: vec![("", of(|sample| sample.cpu_percent))],
            axis: Axis::FromZero,
            has_dots: false,
        },
    ]
}

impl Panel {
    fn draw(&self, svg: &mut String, top: f64, seconds: f64) {
        let (upper, lower) = (top + TITLE, top + TITLE + HEIGHT);
        let _ = writeln!(svg, "<text class=\"panel\" x=\"8\" y=\"{}\">{}</text>", top + 15.0, self.title);
        self.legend(svg, top + 15.0);
        let ticks = self.ticks();
        let (from, to) = (self.scale(ticks[0]), self.scale(ticks[ticks.len() - 1]));
        let y = |value: f64| lower - (self.scale(value) - from) / (to - from) * HEIGHT;
        let x = |at: f64| LEFT + at / seconds * (RIGHT - LEFT);
        for &tick in &ticks {
            let y = y(tick);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                super::report::thousands(tick)
            );
        }
        let step = nice(seconds / 60.0 / 8.0);
        for minute in (0..).map(|at| f64::from(at) * step).take_while(|minute| *minute <= seconds / 60.0) {
            let x = x(minute * 60.0);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {upper}V{lower}\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                lower + 14.0,
                (minute * 10.0).round() / 10.0
            );
        }
        for ((_, points), class) in self.series.iter().zip(["a", "b"]) {
            let points: Vec<_> = points.iter().filter(|(_, value)| value.is_finite()).collect();
            let places = points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)));
            let _ = writeln!(
                svg,
                "<polyline class=\"{class}\" points=\"{}\"/>",
                places.collect::<Vec<_>>().join(" ")
            );
            for (at, value) in points.iter().filter(|_| self.has_dots) {
                let _ = writeln!(
                    svg,
                    "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
                    x(*at),
                    y(*value)
                );
            }
        }
    }

    fn legend(&self, svg: &mut String, y: f64) {
        let named = self.series.iter().zip(["a", "b"]).filter(|((name, _), _)| !name.is_empty());
        let keys = named.map(|((name, _), class)| format!("<tspan class=\"key-{class}\">■</tspan> {name}"));
        let keys = keys.collect::<Vec<_>>().join("\u{2003}");
        let _ = writeln!(svg, "<text x=\"{RIGHT}\" y=\"{y}\" text-anchor=\"end\">{keys}</text>");
    }

    fn scale(&self, value: f64) -> f64 {
        if matches!(self.axis, Axis::Logarithmic) { value.max(1.0).log10() } else { value }
    }

    /// Round numbers below, between and above what is there.
    fn ticks(&self) -> Vec<f64> {
        let values = || {
            self.series.iter().flat_map(|(_, points)| points).map(|point| point.1).filter(|v| v.is_finite())
        };
        let most = values().fold(f64::MIN_POSITIVE, f64::max);
        let least = values().fold(f64::MAX, f64::min).min(most);
        let (from, step) = match self.axis {
            Axis::Logarithmic => {
                let decades = most.max(1.0).log10().ceil().max(1.0) as i32;
                let first = (least.max(1.0).log10().floor() as i32).min(decades - 1);
                return (first..=decades).map(|decade| 10f64.powi(decade)).collect();
            }
            Axis::FromZero => (0.0, nice(most / 4.0)),
            Axis::Around(range) => {
                let step = nice((most - least).max(range) / 4.0);
                (((least + most - range.max(most - least)) / 2.0 / step).floor().max(0.0) * step, step)
            }
        };
        let count = (((most - from) / step).ceil() as u32).max(1);
        (0..=count).map(|at| from + f64::from(at) * step).collect()
    }
}

/// The next number above that is 1, 2 or 5 and zeros.
fn nice(value: f64) -> f64 {
    let unit = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * unit).into_iter().find(|nice| *nice >= value).unwrap_or(unit)
}
