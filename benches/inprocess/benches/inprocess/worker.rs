//! One GET on one bus: the hub's sending, the worker's side alone, the hub's receiving.
//!
//! All slots are filled, worked on and emptied in turn, and only one of the three is measured, so that the clock is read
//! once for as many requests as there are slots.

use std::time::{Duration, Instant};

use criterion::Criterion;
use inprocess_bench::{SESSION, hello, request, session};
use slotbus::bench::{Pair, Prepared};
use slotbus::{Router, routes};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Send,
    Work,
    Receive,
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut pair = Pair::new(Router::new().routes(routes![hello, session]));
    for (name, path) in [("bus, root", "/"), ("bus, session", SESSION)] {
        let get = Prepared::new(request(path, ()));
        let mut group = criterion.benchmark_group(name);
        for (name, part) in [("hub sends", Part::Send), ("worker", Part::Work), ("hub receives", Part::Receive)] {
            group.bench_function(name, |b| b.iter_custom(|requests| measure(&mut pair, &get, part, requests)));
        }
        group.bench_function("all three", |b| {
            b.iter(|| {
                pair.send(&get);
                pair.work();
                assert_eq!(pair.receive(), 200);
            });
        });
        group.finish();
    }
}

/// The time that `requests` requests take in one of the three parts.
fn measure(pair: &mut Pair, get: &Prepared, part: Part, requests: u64) -> Duration {
    let (mut left, mut sum) = (requests, Duration::ZERO);
    while left > 0 {
        let round = left.min(Pair::SLOTS as u64);
        for step in [Part::Send, Part::Work, Part::Receive] {
            let start = Instant::now();
            for _ in 0..round {
                match step {
                    Part::Send => pair.send(get),
                    Part::Work => pair.work(),
                    Part::Receive => assert_eq!(pair.receive(), 200),
                }
            }
            if step == part {
                sum += start.elapsed();
            }
        }
        left -= round;
    }
    sum
}
