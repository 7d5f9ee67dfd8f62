//! Asks both applications what the generator makes up, and tells where they disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt;

use futures::StreamExt as _;
use futures::stream;
use http::StatusCode;

use crate::both::{Answer, Case, Pair, settle};
use crate::differences::allowed;
use crate::requests::request;
use crate::smaller::smallest;

/// Sets the seed, a number.
const SEED: &str = "SLOTBUS_DIFFERENTIAL_SEED";

/// Sets the number of the only case that is asked.
const CASE: &str = "SLOTBUS_DIFFERENTIAL_CASE";

const IN_FLIGHT: usize = 32;

/// How many disagreements are made small.
const MADE_SMALL: usize = 100;

/// What came of a run.
pub(crate) struct Report {
    seed: u64,
    pub(crate) cases: u64,
    /// How often each difference of the list was met.
    pub(crate) differences: BTreeMap<&'static str, u64>,
    /// The answers by route and status.
    pub(crate) statuses: BTreeMap<String, BTreeSet<StatusCode>>,
    /// How many answers were not alike.
    pub(crate) unlike: usize,
    /// The first of these requests, each made as small as it can be.
    pub(crate) shown: Vec<Disagreement>,
}

/// Two answers that should be alike, without what may differ.
#[derive(Clone)]
pub(crate) struct Disagreement {
    number: u64,
    pub(crate) case: Case,
    ours: Result<Answer, String>,
    theirs: Result<Answer, String>,
}

fn number_in(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable} is {text:?}: {error}")))
}

/// Asks `cases` requests, or as many as the environment says, and compares the answers.
pub(crate) async fn run(pair: &Pair, cases: u64) -> Report {
    // Without a wish the same in every run, so that one which fails fails again.
    let seed = number_in(SEED).unwrap_or(1);
    let numbers = number_in(CASE).map_or(0..cases, |number| number..number + 1);
    println!("seed {seed}; {SEED} sets another, {CASE} asks one request alone");
    let mut report = Report {
        seed,
        cases: numbers.end - numbers.start,
        differences: BTreeMap::new(),
        statuses: BTreeMap::new(),
        unlike: 0,
        shown: Vec::new(),
    };
    let asked = stream::iter(numbers).map(|number| async move {
        let (kind, case) = request(seed, number);
        (kind, compare(pair, number, &case).await)
    });
    let mut disagreements = Vec::new();
    let mut answers = asked.buffer_unordered(IN_FLIGHT);
    while let Some((kind, answer)) = answers.next().await {
        match answer {
            Ok((status, differences)) => {
                report.statuses.entry(kind.to_string()).or_default().insert(status);
                for name in differences {
                    *report.differences.entry(name).or_default() += 1;
                }
            }
            Err(disagreement) => disagreements.push(disagreement),
        }
    }
    disagreements.sort_by_key(|disagreement| disagreement.number);
    (report.unlike, report.shown) = (disagreements.len(), shown(pair, &disagreements).await);
    println!("{report:?}");
    report
}

/// The disagreements made small, without those that are then the same.
async fn shown(pair: &Pair, disagreements: &[Disagreement]) -> Vec<Disagreement> {
    let mut shown = Vec::<Disagreement>::new();
    for disagreement in disagreements.iter().take(MADE_SMALL) {
        let (number, case) = (disagreement.number, disagreement.case.clone());
        let smallest = smallest(case, async |case| compare(pair, number, case).await.is_err()).await;
        // One that does not come again is shown as it was.
        let smallest = compare(pair, number, &smallest).await.err().unwrap_or_else(|| disagreement.clone());
        if shown.iter().all(|other| other.case != smallest.case) {
            shown.push(smallest);
        }
    }
    shown
}

/// Both answers to `case` if they are alike: their status, and in what they did differ.
async fn compare(pair: &Pair, number: u64, case: &Case) -> Result<(StatusCode, Vec<&'static str>), Disagreement> {
    let (ours, theirs) = tokio::join!(pair.over_bus(case), pair.over_tcp(case));
    let (mut ours, mut theirs) = (ours.map_err(|error| error.to_string()), theirs.map_err(|error| error.to_string()));
    if let (Ok(ours), Ok(theirs)) = (&mut ours, &mut theirs) {
        let differences = settle(case, ours, theirs, allowed());
        if ours == theirs {
            return Ok((ours.status, differences));
        }
    }
    Err(Disagreement { number, case: case.clone(), ours, theirs })
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, cases, differences, statuses, unlike, shown } = self;
        writeln!(f, "{cases} requests of seed {seed}, {unlike} unlike; differences of the list: {differences:?}")?;
        for (route, statuses) in statuses {
            writeln!(f, "  {route}: {}", statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(" "))?;
        }
        for disagreement in shown {
            writeln!(
                f,
                "\n{SEED}={seed} {CASE}={}, made as small as it can be:\n{disagreement:?}",
                disagreement.number
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number: _, case, ours, theirs } = self;
        let show = |answer: &Result<Answer, String>| match answer {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => format!("no answer: {error}"),
        };
        write!(f, "{case:?}\n--- over the bus\n{}\n--- over tcp\n{}", show(ours), show(theirs))
    }
}
