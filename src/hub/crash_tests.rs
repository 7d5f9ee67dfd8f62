//! Every store to shared memory is a place where its process may die: each path is cut off behind each of its stores, and
//! what survives goes on.
//!
//! The hub's own code runs here by hand: calls are polled, and its guard's looks are made when a test says so, so that no
//! other thread stores anything meanwhile.

mod hub_tests;
mod worker_tests;

use std::collections::BTreeMap;

use crate::sync::stores;

/// Cuts a path behind `first` stores, behind one more and so on, until it is whole; how many places there were.
///
/// `path` runs once for each: `survive` is told nothing but that the path is over and its process dead.
fn at_every_store<T>(
    name: &str,
    first: usize,
    set_up: impl Fn() -> T,
    path: impl Fn(&mut T, &dyn Fn()),
    survive: impl Fn(T, &str),
) -> usize {
    for limit in first.. {
        let mut scene = set_up();
        let begin = || stores::listen(limit);
        path(&mut scene, &begin);
        let heard = stores::heard();
        assert!(heard.len() <= limit);
        let is_whole = heard.len() < limit;
        let last = heard.last().copied().unwrap_or("nothing");
        survive(scene, &format!("{name}, dead after store {} ({last})", heard.len()));
        if is_whole {
            assert_eq!(heard.len() + 1, limit);
            let mut kinds = BTreeMap::<_, u32>::new();
            heard.iter().for_each(|what| *kinds.entry(*what).or_default() += 1);
            println!("{name}: {} crash points {kinds:?}", limit - first);
            return limit - first;
        }
    }
    unreachable!("a path ends")
}
