//! Figures for programs: all medians and what they were measured on.

use std::fs;

use serde_json::{Value, json};

use crate::figures::Figures;
use crate::goals::Goal;
use crate::growth::{SIZES, Size};
use crate::load::Cell;
use crate::options::Options;
use crate::pairs::Pair;

/// What the figures depend on, and nothing that names a machine.
pub(crate) fn machine() -> Value {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "processor": processor,
        "load_before": read("/proc/loadavg").split(' ').next().and_then(|load| load.parse::<f64>().ok()),
    })
}

pub(crate) fn json(
    machine: &Value,
    options: &Options,
    figures: &Figures,
    cells: &[Cell],
    pairs: &[Pair],
    goals: &[Goal],
) -> String {
    let rows = cells.iter().flat_map(|cell| pairs.iter().map(move |pair| (cell, pair.name)));
    let row = |(cell, pair): (&Cell, &str)| {
        Some(json!({ "workload": cell.to_string(), "pair": pair, "figures": figures.row(*cell, pair)? }))
    };
    let growth = |size: &Size| {
        Some(json!({ "size": size.name(), "figures": figures.size(*size)?, "shares": figures.shares(*size) }))
    };
    let goal = |goal: &Goal| {
        let verdict = |bar: Option<f64>| bar.map(|bar| goal.verdict(bar).name());
        json!({ "goal": goal, "must": verdict(goal.must), "aim": verdict(goal.aim) })
    };
    let all = json!({
        "machine": machine,
        "rounds": options.rounds,
        "seconds": options.length.as_secs_f64(),
        "line_us": figures.lines(),
        "cells": rows.filter_map(row).collect::<Vec<_>>(),
        "growth": SIZES.iter().filter_map(growth).collect::<Vec<_>>(),
        "goals": goals.iter().map(goal).collect::<Vec<_>>(),
    });
    format!("{all:#}\n")
}
