//! A chart of median latencies, as SVG text: horizontal bars on a logarithmic scale.

use std::fmt::Write;

use crate::figures::Figures;
use crate::load::{Cell, Load, Pace};
use crate::pairs::{OURS, Pair};

const WIDTH: f64 = 820.0;
/// Where bars begin, and how long the longest may be; the rest is for figures.
const LEFT: f64 = 220.0;
const LENGTH: f64 = 500.0;
const BAR: f64 = 20.0;

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.note, .tick { fill: #59636e; font-size: 11px }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.bar { fill: #8c9bab }
.ours { fill: #0969da }
.floor { fill: #c4ccd4 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.note, .tick { fill: #9198a1 }
.grid { stroke: #3d444d }
.bar { fill: #6b7785 }
.ours { fill: #4493f8 }
.floor { fill: #474f58 }
}";

/// The chart of GET and of the long echoes, one at a time; none when nothing of it was measured.
pub(crate) fn svg(figures: &Figures, pairs: &[Pair]) -> Option<String> {
    let loads = [Load::Get, Load::Echo(64 << 10), Load::Echo(1 << 20)];
    let groups = loads.map(|load| {
        let cell = Cell { load, pace: Pace::InFlight(1) };
        let bar = |pair: &Pair| Some((pair.name, figures.row(cell, pair.name)?.p50_us)).filter(|(_, p50)| *p50 > 0.0);
        (cell, pairs.iter().filter_map(bar).collect::<Vec<_>>())
    });
    let values = || groups.iter().flat_map(|(_, bars)| bars.iter().map(|(_, p50)| p50.log10()));
    let low = values().reduce(f64::min)?.floor();
    let high = values().reduce(f64::max)?.ceil().max(low + 1.0);
    let x = |p50: f64| LEFT + (p50.log10() - low) / (high - low) * LENGTH;

    let mut body = String::new();
    let mut y = 58.0;
    for (cell, bars) in groups.iter().filter(|(_, bars)| !bars.is_empty()) {
        let _ = writeln!(body, r#"<text class="title" x="16" y="{:.0}">{cell}</text>"#, y + 14.0);
        y += 24.0;
        for (name, p50) in bars {
            let class = match name {
                name if name.starts_with(OURS) => "ours",
                name if name.starts_with("floor") => "floor",
                _ => "bar",
            };
            let (text, end) = (y + 14.0, x(*p50));
            let _ = writeln!(body, r#"<text x="{}" y="{text}" text-anchor="end">{name}</text>"#, LEFT - 8.0);
            let length = (end - LEFT).max(2.0);
            let _ = writeln!(
                body,
                r#"<rect class="{class}" x="{LEFT}" y="{}" width="{length:.1}" height="{}" rx="2"/>"#,
                y + 2.0,
                BAR - 4.0
            );
            let digits = if *p50 < 100.0 { 2 } else { 0 };
            let _ = writeln!(body, r#"<text x="{:.1}" y="{text}">{p50:.digits$}</text>"#, LEFT + length + 6.0);
            y += BAR;
        }
        y += 12.0;
    }
    let mut grid = String::new();
    for power in low as i32..=high as i32 {
        let value = 10_f64.powi(power);
        let x = x(value);
        let _ = writeln!(grid, r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="54" y2="{y:.0}"/>"#);
        let _ = writeln!(
            grid,
            r#"<text class="tick" x="{x:.1}" y="{:.0}" text-anchor="middle">{value} µs</text>"#,
            y + 16.0
        );
    }
    let height = y + 28.0;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" \
         role=\"img\">\n<title>Median latency between two processes</title>\n<style>{STYLE}</style>\n\
         <text class=\"title\" x=\"16\" y=\"24\">Median latency between two processes, one request at a time</text>\n\
         <text class=\"note\" x=\"16\" y=\"42\">µs, logarithmic scale; shorter is better; all from one run</text>\n\
         {grid}{body}</svg>\n"
    ))
}
