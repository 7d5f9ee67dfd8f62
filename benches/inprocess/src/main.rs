//! Sends one GET after another to a worker in this process, as many as the argument says, to be run under callgrind.
//!
//! `benches/instructions.sh` counts the worker's side alone, which is `Pair::work`.

use inprocess_bench::{hello, request};
use slotbus::bench::{Pair, Prepared};
use slotbus::{Router, routes};

fn main() {
    let argument = std::env::args().nth(1).and_then(|text| text.parse::<u64>().ok());
    let Some(requests) = argument else {
        eprintln!("usage: worker-side REQUESTS");
        std::process::exit(2);
    };
    let mut pair = Pair::new(Router::new().routes(routes![hello]));
    let get = Prepared::new(request("/", ()));
    for _ in 0..requests {
        pair.send(&get);
        pair.work();
        assert_eq!(pair.receive(), 200);
    }
}
