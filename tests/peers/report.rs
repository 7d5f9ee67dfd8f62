//! What came of a pair's requests.

use libtest_mimic::Failed;
use serde::{Deserialize, Serialize};

/// Tallies of one run; what the published hub did by itself is counted apart.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Answers that were not the request's, without an excuse.
    pub(crate) wrong: u64,
    /// Requests that were never answered, without an excuse.
    pub(crate) lost: u64,
    /// Dispatches that the hub refused by itself, and took when they were repeated.
    pub(crate) refused: u64,
    /// Requests whose overflow object the hub had removed: the worker answers that it could not be opened.
    pub(crate) failed_open: u64,
    /// Wrong or lost requests that shared bytes of the heap with another one.
    pub(crate) shared_heap: u64,
    /// What was wrong, in words, for the first of them.
    pub(crate) complaints: Vec<String>,
}

impl Report {
    const COMPLAINTS: usize = 10;

    const LONGEST_COMPLAINT: usize = 800;

    pub(crate) fn complain(&mut self, complaint: &str) {
        if self.complaints.len() < Self::COMPLAINTS {
            self.complaints.push(complaint.chars().take(Self::LONGEST_COMPLAINT).collect());
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        let Self { requests, seconds, wrong, lost, refused, failed_open, shared_heap, complaints } = other;
        self.requests += requests;
        self.seconds += seconds;
        self.wrong += wrong;
        self.lost += lost;
        self.refused += refused;
        self.failed_open += failed_open;
        self.shared_heap += shared_heap;
        complaints.iter().for_each(|complaint| self.complain(complaint));
    }

    /// Nothing may be wrong or lost, and what the hub breaks by itself must stay the exception.
    pub(crate) fn judge(&self) -> Result<(), Failed> {
        let Self { requests, wrong, lost, failed_open, shared_heap, complaints, .. } = self;
        if *wrong + *lost > 0 {
            return Err(format!("{wrong} wrong, {lost} lost:\n{}", complaints.join("\n")).into());
        }
        if (failed_open + shared_heap) * 100 > *requests {
            return Err(format!("{failed_open} failed opens and {shared_heap} shared heaps in {requests}").into());
        }
        Ok(())
    }
}

/// One row of the table.
pub(crate) fn row(report: &Result<Report, Failed>) -> String {
    match report {
        Ok(Report { requests, seconds, wrong, lost, refused, failed_open, shared_heap, .. }) => format!(
            "{requests:>6} requests, {wrong} wrong, {lost} lost; by the hub itself: {refused} dispatches refused, \
             {failed_open} failed opens, {shared_heap} shared heaps; {seconds:.1} s"
        ),
        Err(failed) => format!("no report: {}", failed.message().unwrap_or_default()),
    }
}
