//! A call of the wire as an `http::Request`, beside the same request from http's own builder.

use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use inprocess_bench::request;
use slotbus::Body;
use slotbus::bench::Prepared;

pub(crate) fn bench(criterion: &mut Criterion) {
    let call = Prepared::new(request("/", ()));

    let mut group = criterion.benchmark_group("request");
    group.bench_function("from call", |b| {
        b.iter_batched(|| call.received(), |call| call.into_request(), BatchSize::SmallInput);
    });
    // Batched too, and the result dropped outside the measured time too, so that both do alike.
    group.bench_function("from builder", |b| {
        b.iter_batched(|| (), |()| request(black_box("/"), Body::empty()), BatchSize::SmallInput);
    });
    group.finish();
}
