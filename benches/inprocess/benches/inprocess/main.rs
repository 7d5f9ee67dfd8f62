//! What one request costs in this process, path by path: `cargo bench -p inprocess-bench`, or with a name behind `--` for a
//! part of it.
//!
//! Absolute times differ from machine to machine; compare what stands in one group.

mod meta;
mod pending;
mod requests;
mod routers;
mod worker;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let short = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let mut criterion = short.sample_size(50).configure_from_args();
    meta::bench(&mut criterion);
    requests::bench(&mut criterion);
    routers::bench(&mut criterion);
    worker::bench(&mut criterion);
    pending::bench(&mut criterion);
    criterion.final_summary();
}
