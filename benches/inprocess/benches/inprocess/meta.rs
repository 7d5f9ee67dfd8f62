//! The records on the wire, with five headers each: checked and written, and read without making anything of them.

use std::hint::black_box;

use criterion::Criterion;
use inprocess_bench::{SESSION, request, response_headers};
use slotbus::bench::{Prepared, PreparedAnswer};

pub(crate) fn bench(criterion: &mut Criterion) {
    let call = Prepared::new(request(SESSION, ()));
    let reply = PreparedAnswer::new(response_headers());
    let (received_call, received_reply) = (call.received(), reply.received());

    let mut group = criterion.benchmark_group("meta");
    group.bench_function("encode request", |b| b.iter(|| black_box(&call).encode()));
    group.bench_function("encode response", |b| b.iter(|| black_box(&reply).encode()));
    group.bench_function("decode request", |b| b.iter(|| black_box(&received_call).decode()));
    group.bench_function("decode response", |b| b.iter(|| black_box(&received_reply).decode()));
    group.finish();
}
