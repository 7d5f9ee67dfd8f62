//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use crate::load::{Cell, cells};
use crate::pairs::{OURS, PAIRS, Pair};

const USAGE: &str = "\
This crate beside its peers: two processes each, one run.

cargo run --release -p peers-bench -- [OPTIONS]

  --rounds N      rounds, interleaved over the pairs; figures are medians (5)
  --seconds S     length of each cell, for each pair (0.35)
  --only TEXT     only pairs, or only workloads, whose name holds TEXT; may be repeated
  --quick         one round of 0.2 s
  --json PATH     where the figures go (target/peers.json)
  --svg PATH      where the chart goes (target/peers.svg)
";

/// How long is waited for CPU time without requests, and with `--quick`.
const IDLE: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(2)];

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) length: Duration,
    pub(crate) idle: Duration,
    pub(crate) json: PathBuf,
    pub(crate) svg: PathBuf,
    only: Vec<String>,
}

impl Options {
    /// Reads the command line; a mistake in it ends the program.
    pub(crate) fn read() -> Self {
        let executable = std::env::current_exe().expect("the own executable has a path");
        let target = executable.ancestors().nth(2).unwrap_or(&executable).to_owned();
        let (json, svg) = (target.join("peers.json"), target.join("peers.svg"));
        let mut options =
            Self { rounds: 5, length: Duration::from_millis(350), idle: IDLE[0], json, svg, only: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| fail(&format!("{argument} takes a value")));
            match argument.as_str() {
                "--rounds" => options.rounds = number(&value()).max(1.0) as usize,
                "--seconds" => options.length = Duration::from_secs_f64(number(&value()).clamp(0.01, 3600.0)),
                "--only" => {
                    let text = value();
                    if !is_pair(&text) && !is_workload(&text) {
                        fail(&format!("no pair and no workload is called {text}"));
                    }
                    options.only.push(text);
                }
                "--quick" => {
                    (options.rounds, options.length, options.idle) = (1, Duration::from_millis(200), IDLE[1]);
                }
                "--json" => options.json = value().into(),
                "--svg" => options.svg = value().into(),
                "--help" | "-h" => {
                    print!("{USAGE}");
                    std::process::exit(0);
                }
                _ => fail(&format!("{argument} is no option")),
            }
        }
        options
    }

    /// Pairs that were asked for; all, when none was.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        let is_wanted = |pair: &Pair| self.only.iter().any(|only| pair.name.contains(only));
        if self.names(is_pair) { PAIRS.into_iter().filter(is_wanted).collect() } else { PAIRS.to_vec() }
    }

    /// Workloads that were asked for; all, when none was.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let is_wanted = |cell: &Cell| self.only.iter().any(|only| cell.to_string().contains(only));
        cells().into_iter().filter(|cell| is_wanted(cell) || !self.names(is_workload)).collect()
    }

    /// Whether growth, a workload of this crate alone, is among them.
    pub(crate) fn wants_growth(&self) -> bool {
        if self.names(is_workload) { self.names(is_growth) } else { self.pairs().iter().any(|pair| pair.name == OURS) }
    }

    fn names(&self, kind: fn(&str) -> bool) -> bool {
        self.only.iter().any(|only| kind(only))
    }
}

fn is_pair(text: &str) -> bool {
    PAIRS.iter().any(|pair| pair.name.contains(text))
}

fn is_growth(text: &str) -> bool {
    "growth".contains(text)
}

fn is_workload(text: &str) -> bool {
    is_growth(text) || cells().iter().any(|cell| cell.to_string().contains(text))
}

fn number(text: &str) -> f64 {
    text.parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or_else(|| fail(&format!("{text} is no number")))
}

fn fail(message: &str) -> ! {
    eprintln!("{message}\n\n{USAGE}");
    std::process::exit(2)
}
