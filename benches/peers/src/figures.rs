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

/// A line of memory that takes so many times the run's median, or a part as small, is another distance between the cores.
const ALIKE: f64 = 1.6;

/// The medians of one pair in one cell over the rounds that had the cores as far apart as most of the run, or over all if there is
/// none; what is counted is summed over all.
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
    pub(crate) line_us: f64,
    /// How many rounds the medians are of.
    pub(crate) rounds: usize,
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
        self.row_of(samples.map(|(.., sample)| *sample).collect())
    }

    /// How long a line of memory took over and back: the median of all samples, their least and their most, and how many samples are
    /// no part of the medians.
    pub(crate) fn lines(&self) -> (f64, f64, f64, usize) {
        let lines: Vec<f64> = self.samples().map(|sample| sample.line_us).collect();
        let most = lines.iter().copied().fold(0.0, f64::max);
        let least = lines.iter().copied().fold(most, f64::min);
        (self.usual_line(), least, most, self.samples().filter(|sample| !self.is_usual(sample)).count())
    }

    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.cells.iter().map(|(.., sample)| sample).chain(self.sizes.iter().map(|(_, growth)| &growth.sample))
    }

    fn usual_line(&self) -> f64 {
        median(self.samples().map(|sample| sample.line_us))
    }

    /// Whether the cores were as far apart as most of the time.
    fn is_usual(&self, sample: &Sample) -> bool {
        let usual = self.usual_line();
        (usual / ALIKE..=usual * ALIKE).contains(&sample.line_us)
    }

    fn row_of(&self, samples: Vec<Sample>) -> Option<Row> {
        let usual: Vec<_> = samples.iter().copied().filter(|sample| self.is_usual(sample)).collect();
        Row::of(&samples, if usual.is_empty() { &samples } else { &usual })
    }

    pub(crate) fn size(&self, size: Size) -> Option<Row> {
        let samples = self.sizes.iter().filter(|(of, _)| *of == size);
        self.row_of(samples.map(|(_, growth)| growth.sample).collect())
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
    /// Counts of `all` and medians of `usual`.
    fn of(all: &[Sample], usual: &[Sample]) -> Option<Self> {
        let middle = |of: &dyn Fn(&Sample) -> f64| median(usual.iter().map(of));
        (!all.is_empty()).then(|| Self {
            p50_us: middle(&|sample| sample.p50_us),
            p99_us: middle(&|sample| sample.p99_us),
            per_second: middle(&|sample| sample.per_second),
            sent: all.iter().map(|sample| sample.sent).sum(),
            lost: all.iter().map(|sample| sample.lost).sum(),
            server_us: middle(&|sample| sample.cpu_per_request().0),
            client_us: middle(&|sample| sample.cpu_per_request().1),
            server_cpu_ms: middle(&|sample| sample.server_cpu_ms),
            client_cpu_ms: middle(&|sample| sample.client_cpu_ms),
            seconds: middle(&|sample| sample.seconds),
            peak_kib: middle(&|sample| sample.peak_kib as f64),
            line_us: middle(&|sample| sample.line_us),
            rounds: usual.len(),
        })
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak_kib / 1024.0
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
