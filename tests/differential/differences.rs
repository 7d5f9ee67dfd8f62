//! The differences that are allowed, one function for each, named as in `docs/differences.md`.

use crate::both::framing::FRAMING;
use crate::both::{Answer, Case, Difference};

/// All that may differ, in the order in which it is settled.
pub(crate) fn allowed() -> impl Iterator<Item = &'static Difference> {
    FRAMING.iter().chain(&CHOICES)
}

/// What this crate does in its own way.
const CHOICES: [Difference; 2] = [
    Difference { name: "refusals_are_problems", settle: refusals_are_problems },
    Difference { name: "allow_is_a_set", settle: allow_is_a_set },
];

/// Makes both bodies, and what describes them, those of `theirs`.
fn take_body(ours: &mut Answer, theirs: &Answer) {
    ours.body = theirs.body.clone();
    for name in ["content-type", "content-length"] {
        match theirs.headers.get(name) {
            Some(values) => drop(ours.headers.insert(name.to_owned(), values.clone())),
            None => drop(ours.headers.remove(name)),
        }
    }
}

/// What the framework refuses is a problem here, and plain text or nothing there.
fn refusals_are_problems(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let plain = match theirs.header("content-type") {
        None => theirs.body.is_empty() && !theirs.headers.contains_key("content-type"),
        Some(kind) => kind == "text/plain; charset=utf-8",
    };
    let settled = ours.status == theirs.status && plain && is_problem(case, ours);
    if settled {
        take_body(ours, theirs);
    }
    settled
}

/// Whether the answer is a problem that tells its own status, or the head of one.
fn is_problem(case: &Case, answer: &Answer) -> bool {
    let status = serde_json::from_slice::<serde_json::Value>(&answer.body).ok().and_then(|p| p["status"].as_u64());
    answer.header("content-type") == Some("application/problem+json")
        && (status == Some(answer.status.as_u16().into()) || case.method == http::Method::HEAD && answer.body.is_empty())
}

/// `Allow` names the same methods, in an order of its own and with a space behind each comma.
fn allow_is_a_set(_: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let set = |answer: &Answer| {
        let mut names: Vec<_> = answer.header("allow")?.split(',').map(|name| name.trim().to_owned()).collect();
        names.sort();
        Some(names)
    };
    let settled = set(ours).is_some() && set(ours) == set(theirs) && ours.headers["allow"] != theirs.headers["allow"];
    if settled {
        ours.headers.insert("allow".to_owned(), theirs.headers["allow"].clone());
    }
    settled
}
