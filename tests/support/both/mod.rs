//! The same request sent over a bus and over TCP, and what of the two answers is to be compared.

#![allow(dead_code, reason = "each test binary uses a part of it")]

mod answer;
mod case;
pub(crate) mod framing;
mod pair;

pub(crate) use self::answer::Answer;
#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub(crate) use self::case::{Case, case, get, post};
pub(crate) use self::pair::Pair;

/// A way in which two answers to one request may differ.
pub(crate) struct Difference {
    /// As a list of them calls it.
    pub(crate) name: &'static str,
    /// Makes the answers alike in this, the one of the bus first, and says whether they were not. It touches no more than that.
    pub(crate) settle: fn(&Case, &mut Answer, &mut Answer) -> bool,
}

/// Settles what `list` allows; the names of the differences there were.
pub(crate) fn settle<'a>(
    case: &Case,
    ours: &mut Answer,
    theirs: &mut Answer,
    list: impl IntoIterator<Item = &'a Difference>,
) -> Vec<&'static str> {
    let found = list.into_iter().filter(|difference| (difference.settle)(case, ours, theirs));
    found.map(|difference| difference.name).collect()
}
