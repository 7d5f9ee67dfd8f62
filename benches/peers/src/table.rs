//! Figures as text.

use crate::figures::{Figures, Lines, Row};
use crate::goals::{Goal, Verdict};
use crate::growth::{SIZES, Size};
use crate::load::{Cell, Pace};
use crate::pairs::{OURS, Pair};

/// Prints one table for each cell that was measured.
pub(crate) fn print_cells(figures: &Figures, cells: &[Cell], pairs: &[Pair]) {
    for cell in cells {
        let rows: Vec<_> = pairs.iter().filter_map(|pair| Some((pair.name, figures.row(*cell, pair.name)?))).collect();
        if rows.is_empty() {
            continue;
        }
        println!("\n{cell}");
        if cell.pace == Pace::Idle {
            print_idle(&rows);
            continue;
        }
        let ours = figures.row(*cell, OURS);
        println!(
            "{:<26}{:>10}{:>9}{:>11}{:>12}{:>9}{:>8}{:>11}{:>9}{:>9}{:>8}{:>8}",
            "", "p50 µs", "× ours", "p99 µs", "requests/s", "× ours", "lost", "of", "server", "client", "MiB", "line"
        );
        for (name, row) in rows {
            let ratio = |of: fn(&Row) -> f64| ours.as_ref().map_or("–".to_owned(), |ours| times(of(&row) / of(ours)));
            println!(
                "{name:<26}{:>10}{:>9}{:>11}{:>12.0}{:>9}{:>8}{:>11}{:>9.2}{:>9.2}{:>8.1}{:>8}",
                short(row.p50_us),
                ratio(|row| row.p50_us),
                short(row.p99_us),
                row.per_second,
                ratio(|row| row.per_second),
                row.lost,
                row.sent,
                row.server_us,
                row.client_us,
                row.peak_mib(),
                row.line_us.map_or("–".to_owned(), short),
            );
        }
    }
    println!("\nserver, client: CPU µs for each answer. MiB: peak memory of the server process.");
}

fn print_idle(rows: &[(&str, Row)]) {
    println!("{:<26}{:>12}{:>12}{:>10}{:>8}", "", "server ms", "client ms", "of s", "MiB");
    for (name, row) in rows {
        let Row { server_cpu_ms, client_cpu_ms, seconds, .. } = row;
        println!("{name:<26}{server_cpu_ms:>12.2}{client_cpu_ms:>12.2}{seconds:>10.1}{:>8.1}", row.peak_mib());
    }
}

/// Prints the table of growth.
pub(crate) fn print_growth(figures: &Figures) {
    if !figures.has_growth() {
        return;
    }
    println!("\ngrowth: {OURS}, from small to large");
    println!(
        "{:<50}{:>10}{:>12}{:>8}{:>11}{:>8}  share of each worker",
        "", "p50 µs", "requests/s", "lost", "of", "line"
    );
    for size in SIZES {
        let Some(row) = figures.size(size) else { continue };
        let shares = figures.shares(size).iter().map(|share| format!("{:.0} %", share * 100.0)).collect::<Vec<_>>();
        let has_workers = matches!(size, Size::Workers(_) | Size::Waiting(_));
        let shares = if has_workers { shares.join(", ") } else { String::new() };
        println!(
            "{:<50}{:>10}{:>12.0}{:>8}{:>11}{:>8}  {shares}",
            size.name(),
            short(row.p50_us),
            row.per_second,
            row.lost,
            row.sent,
            row.line_us.map_or("–".to_owned(), short),
        );
    }
}

/// Prints how far apart the cores were.
pub(crate) fn print_lines(figures: &Figures) {
    let Some(Lines { least, median, most }) = figures.lines() else { return };
    println!("\nline: µs that a line of memory took to another core and back: {median:.2}, {least:.2} to {most:.2}.");
}

/// Prints each goal beside what was measured.
pub(crate) fn print_goals(goals: &[Goal]) {
    println!("\ngoals");
    println!("{:<64}{:>12}{:>12} {:<8}{:>12} {:<8}", "", "measured", "must", "", "aim", "");
    for goal in goals {
        let Goal { what, measured, must, aim, .. } = goal;
        let bar = |bar: Option<f64>| bar.map_or(String::new(), |bar| format!("{} {}", goal.sign(), short(bar)));
        let verdict = |bar: Option<f64>| bar.map_or("", |bar| goal.verdict(bar).name());
        println!(
            "{what:<64}{:>12}{:>12} {:<8}{:>12} {:<8}",
            measured.map_or("–".to_owned(), short),
            bar(*must),
            verdict(*must),
            bar(*aim),
            verdict(*aim),
        );
    }
    let count = |verdict| goals.iter().filter(|goal| goal.must.is_some_and(|bar| goal.verdict(bar) == verdict)).count();
    let [met, missed, unknown] = [Verdict::Met, Verdict::Missed, Verdict::NotMeasured].map(count);
    println!("\nmust: {met} met, {missed} missed, {unknown} not measured");
}

fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("{} ×", short(ratio)) } else { "–".to_owned() }
}

/// About three digits.
fn short(value: f64) -> String {
    match value.abs() {
        v if v < 10.0 => format!("{value:.2}"),
        v if v < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
