//! The table.

use std::fmt;
use std::time::Duration;

use crate::Pair;
use crate::driver::{Cell, Sample};

#[derive(Default)]
pub(crate) struct Table(Vec<(Cell, Pair, Sample)>);

impl Table {
    pub(crate) fn add(&mut self, cell: Cell, pair: Pair, sample: Sample) {
        self.0.push((cell, pair, sample));
    }

    fn samples(&self, cell: Cell, pair: Pair) -> Vec<Sample> {
        self.0.iter().filter(|(c, p, _)| (*c, *p) == (cell, pair)).map(|(.., sample)| *sample).collect()
    }
}

fn median<T: PartialOrd + Copy>(samples: &[Sample], of: impl Fn(&Sample) -> T) -> T {
    let mut values: Vec<T> = samples.iter().map(of).collect();
    values.sort_by(|a, b| a.partial_cmp(b).expect("figures are numbers"));
    values[values.len() / 2]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24}{:<18}{:>10}{:>10}{:>12}{:>8}{:>12}{:>10}",
            "", "", "p50 µs", "p99 µs", "requests/s", "lost", "of", "p50 ratio"
        )?;
        let mut cells: Vec<Cell> = Vec::new();
        for (cell, ..) in &self.0 {
            if !cells.contains(cell) {
                cells.push(*cell);
            }
        }
        for cell in cells {
            let ours = median(&self.samples(cell, Pair::Ours), |sample| micros(sample.p50));
            for pair in Pair::ALL {
                let samples = self.samples(cell, pair);
                let p50 = median(&samples, |sample| micros(sample.p50));
                writeln!(
                    f,
                    "{:<24}{:<18}{:>10.2}{:>10.2}{:>12.0}{:>8}{:>12}{:>9.1}×",
                    if pair == Pair::Ours { cell.to_string() } else { String::new() },
                    pair.name(),
                    p50,
                    median(&samples, |sample| micros(sample.p99)),
                    median(&samples, |sample| sample.per_second),
                    samples.iter().map(|sample| sample.lost).sum::<u64>(),
                    samples.iter().map(|sample| sample.sent).sum::<u64>(),
                    p50 / ours,
                )?;
            }
        }
        Ok(())
    }
}
