//! One application written twice, for axum over TCP and for this crate over a bus, and asked the same.
//!
//! A generator makes up requests, right and broken, and both answers are compared: status, each header with its values in
//! order, each byte of the body. What may differ stands in `docs/differences.md`, with its reason; each line there has a
//! function in `differences.rs` or `both::framing`, which looks at nothing else, or a test in `choices.rs`.
#![cfg(all(feature = "macros", feature = "tokio"))]

#[path = "../support/both/mod.rs"]
mod both;

mod choices;
mod dice;
mod differences;
mod model;
mod on_axum;
mod on_slotbus;
mod proof;
mod requests;
mod run;
mod smaller;
mod words;

use self::both::Pair;
use self::requests::{KINDS, NEVER_WELL};
use self::run::run;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_are_answered_as_axum_answers_them() {
    let pair = Pair::start(on_slotbus::app(), on_axum::app()).await;
    let report = run(&pair, 10_000).await;
    assert!(report.shown.is_empty(), "{} of {} answers are unlike", report.unlike, report.cases);
    if report.cases == 10_000 {
        for difference in differences::allowed() {
            assert!(report.differences.contains_key(difference.name), "{} is not met any more", difference.name);
        }
        for kind in KINDS {
            let statuses = &report.statuses[&kind.to_string()];
            let well = statuses.iter().any(|status| status.is_success() || status.is_redirection());
            assert!(well != NEVER_WELL.contains(&kind.path), "{kind} is answered {statuses:?}");
        }
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_requests_find_the_fallbacks_that_axum_finds() {
    let pair = Pair::start(on_slotbus::app_with_fallbacks(), on_axum::app_with_fallbacks()).await;
    let report = run(&pair, 2_000).await;
    assert!(report.shown.is_empty(), "{} of {} answers are unlike", report.unlike, report.cases);
    pair.stop().await;
}
