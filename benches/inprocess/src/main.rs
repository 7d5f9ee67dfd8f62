//! Sends one GET after another to a worker in this process, as many as the first argument says and to the path that the
//! second says, `/` without one; to be run under callgrind.
//!
//! `benches/instructions.sh` counts the worker's side alone, which is `Pair::work`, and `build` beside it.

use std::hint::black_box;

use inprocess_bench::{hello, request, session};
use slotbus::bench::{Pair, Prepared};
use slotbus::{Body, Router, routes};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(requests) = arguments.next().and_then(|text| text.parse::<u64>().ok()) else {
        eprintln!("usage: worker-side REQUESTS [PATH]");
        std::process::exit(2);
    };
    let mut pair = Pair::new(Router::new().routes(routes![hello, session]));
    let path = arguments.next().unwrap_or_else(|| "/".to_owned());
    let get = Prepared::new(request(&path, ()));
    for _ in 0..requests {
        pair.send(&get);
        pair.work();
        assert_eq!(pair.receive(), 200);
        build(&path);
    }
}

/// Makes and drops the same request by http's own builder.
#[inline(never)]
fn build(path: &str) {
    drop(black_box(request(black_box(path), Body::empty())));
}
