//! All samples of a run, and their medians.

use serde::Serialize;

use crate::drive::Sample;
use crate::growth::{Growth, SIZES, Size};
use crate::load::Cell;
use crate::pairs::Pair;

#[derive(Default)]
pub(crate) struct Figures {
    cells: Vec<(Cell, &'static str, Sample)>,
    sizes: Vec<(Size, Growth)>,
}

/// The medians of one pair in one cell over all rounds; what is counted is summed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) per_second: f64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// CPU µs for each answer.
    pub(crate) server_us: f64,
    pub(crate) client_us: f64,
    /// CPU ms in the whole measurement.
    pub(crate) server_cpu_ms: f64,
    pub(crate) client_cpu_ms: f64,
    pub(crate) seconds: f64,
    pub(crate) peak_kib: f64,
    /// How far apart the cores were: a line of memory over and back.
    pub(crate) line_us: Option<f64>,
    pub(crate) rounds: usize,
}

/// Microseconds that a line of memory took to another core and back.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Lines {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Figures {
    pub(crate) fn add(&mut self, cell: Cell, pair: Pair, sample: Sample) {
        self.cells.push((cell, pair.name, sample));
    }

    pub(crate) fn add_growth(&mut self, size: Size, growth: Growth) {
        self.sizes.push((size, growth));
    }

    /// The figures of the pair called `pair`; none when it was not measured.
    pub(crate) fn row(&self, cell: Cell, pair: &str) -> Option<Row> {
        let samples = self.cells.iter().filter(|(of, name, _)| *of == cell && *name == pair);
        Row::of(&samples.map(|(.., sample)| *sample).collect::<Vec<_>>())
    }

    /// How long a line of memory took to another core and back beside each measurement; none on one core.
    pub(crate) fn lines(&self) -> Option<Lines> {
        let cells = self.cells.iter().map(|(.., sample)| sample);
        let samples = cells.chain(self.sizes.iter().map(|(_, growth)| &growth.sample));
        let lines: Vec<f64> = samples.filter_map(|sample| sample.line_us).collect();
        let all = || lines.iter().copied();
        Some(Lines { least: all().reduce(f64::min)?, median: median(all()), most: all().reduce(f64::max)? })
    }

    pub(crate) fn size(&self, size: Size) -> Option<Row> {
        let samples = self.sizes.iter().filter(|(of, _)| *of == size);
        Row::of(&samples.map(|(_, growth)| growth.sample).collect::<Vec<_>>())
    }

    /// Shares of the workers, each the median of the rounds.
    pub(crate) fn shares(&self, size: Size) -> Vec<f64> {
        let rounds: Vec<_> =
            self.sizes.iter().filter(|(of, _)| *of == size).map(|(_, growth)| &growth.shares).collect();
        let workers = rounds.first().map_or(0, |shares| shares.len());
        (0..workers).map(|worker| median(rounds.iter().map(|shares| shares[worker]))).collect()
    }

    pub(crate) fn has_growth(&self) -> bool {
        SIZES.iter().any(|size| self.size(*size).is_some())
    }
}

impl Row {
    fn of(samples: &[Sample]) -> Option<Self> {
        let middle = |of: &dyn Fn(&Sample) -> f64| median(samples.iter().map(of));
        let lines: Option<Vec<f64>> = samples.iter().map(|sample| sample.line_us).collect();
        (!samples.is_empty()).then(|| Self {
            p50_us: middle(&|sample| sample.p50_us),
            p99_us: middle(&|sample| sample.p99_us),
            per_second: middle(&|sample| sample.per_second),
            sent: samples.iter().map(|sample| sample.sent).sum(),
            lost: samples.iter().map(|sample| sample.lost).sum(),
            server_us: middle(&|sample| sample.cpu_per_request().0),
            client_us: middle(&|sample| sample.cpu_per_request().1),
            server_cpu_ms: middle(&|sample| sample.server_cpu_ms),
            client_cpu_ms: middle(&|sample| sample.client_cpu_ms),
            seconds: middle(&|sample| sample.seconds),
            peak_kib: middle(&|sample| sample.peak_kib as f64),
            line_us: lines.map(|lines| median(lines.into_iter())),
            rounds: samples.len(),
        })
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak_kib / 1024.0
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
