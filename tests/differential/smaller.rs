//! A case that fails is made smaller as long as it fails.

use bytes::Bytes;

use crate::both::Case;

/// Cases that are a step simpler than this one, the largest steps first.
fn simpler(case: &Case) -> Vec<Case> {
    let mut steps = Vec::new();
    let mut step = |change: &dyn Fn(&mut Case)| {
        let mut simpler = case.clone();
        change(&mut simpler);
        if simpler != *case && simpler.target.parse::<http::Uri>().is_ok() {
            steps.push(simpler);
        }
    };
    step(&|case| case.body = Bytes::new());
    step(&|case| case.streamed = false);
    step(&|case| case.target = case.path().to_owned());
    for i in 0..case.headers.len() {
        step(&|case| drop(case.headers.remove(i)));
    }
    for pair in case.target.split_once('?').map_or("", |(_, query)| query).split('&') {
        step(&|case| case.target = case.target.replacen(&format!("&{pair}"), "", 1));
        step(&|case| case.target = case.target.replacen(&format!("{pair}&"), "", 1));
    }
    step(&|case| case.body = case.body.slice(..case.body.len() / 2));
    step(&|case| case.body = case.body.slice(case.body.len() / 2..));
    if case.body.len() < 200 {
        for i in 0..case.body.len() {
            step(&|case| case.body = [&case.body[..i], &case.body[i + 1..]].concat().into());
        }
    }
    steps
}

/// The smallest case on the way down from `case` for which `fails` still says so.
pub(crate) async fn smallest(case: Case, fails: impl AsyncFn(&Case) -> bool) -> Case {
    let mut smallest = case;
    'smaller: loop {
        for simpler in simpler(&smallest) {
            if fails(&simpler).await {
                smallest = simpler;
                continue 'smaller;
            }
        }
        return smallest;
    }
}
