//! One service behind a bus and behind a TCP listener, answer by answer.

use crate::both::framing::FRAMING;
use crate::both::{Case, Pair, settle};

/// Asks all of `cases` and compares the answers; how many there were.
pub(crate) async fn compare(pair: &Pair, cases: Vec<Case>) -> usize {
    let count = cases.len();
    for case in cases {
        let (mut ours, mut theirs) = pair.ask(&case).await;
        settle(&case, &mut ours, &mut theirs, &FRAMING);
        assert_eq!(ours, theirs, "{case:?}");
    }
    count
}
