//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use crate::load::{Cell, cells};
use crate::pairs::{PAIRS, Pair};

const USAGE: &str = "\
This crate beside its peers: two processes each, one run.

cargo run --release -p peers-bench -- [OPTIONS]

  --rounds N      rounds, interleaved over the pairs; figures are medians (5)
  --seconds S     length of each cell, for each pair (1)
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
            Self { rounds: 5, length: Duration::from_secs(1), idle: IDLE[0], json, svg, only: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| fail(&format!("{argument} takes a value")));
            match argument.as_str() {
                "--rounds" => options.rounds = number(&value()).max(1.0) as usize,
                "--seconds" => options.length = Duration::from_secs_f64(number(&value()).clamp(0.01, 3600.0)),
                "--only" => options.only.push(value()),
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

    pub(crate) fn pairs(&self) -> Vec<Pair> {
        self.chosen(PAIRS.to_vec(), |pair| pair.name.to_owned())
    }

    pub(crate) fn cells(&self) -> Vec<Cell> {
        self.chosen(cells(), Cell::to_string)
    }

    /// Whether the table of growth, one workload of that name, is asked for.
    pub(crate) fn wants_growth(&self) -> bool {
        let wanted = |only: &String| "growth".contains(only.as_str());
        let restricts = |only: &String| self.names_pair(only) || cells().iter().any(|c| c.to_string().contains(only));
        !self.only.iter().any(restricts) || self.only.iter().any(wanted)
    }

    fn names_pair(&self, only: &str) -> bool {
        PAIRS.iter().any(|pair| pair.name.contains(only))
    }

    /// Those whose name holds a text that was asked for; all when no text is about any of them.
    fn chosen<T>(&self, mut all: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
        let is_named = |item: &T| self.only.iter().any(|only| name(item).contains(only.as_str()));
        if all.iter().any(is_named) {
            all.retain(is_named);
        } else if !self.only.is_empty() && !self.only.iter().any(|only| self.names_pair(only)) {
            // Only growth, or a workload, was asked for: pairs stay, workloads do not.
            let is_workload = |only: &String| cells().iter().any(|cell| cell.to_string().contains(only.as_str()));
            if !self.only.iter().any(is_workload) {
                all.clear();
            }
        }
        all
    }
}

fn number(text: &str) -> f64 {
    text.parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or_else(|| fail(&format!("{text} is no number")))
}

fn fail(message: &str) -> ! {
    eprintln!("{message}\n\n{USAGE}");
    std::process::exit(2)
}
