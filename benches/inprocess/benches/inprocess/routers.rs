//! This crate's router beside axum's, with the same handlers and requests, and both with more and more routes: away from a bus, where a
//! request has no extensions yet and nothing of one is there for the next. Behind a bus: `--bin routers`.

use axum::routing::get;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
use http::request::Parts;
use http::{Request, Response};
use inprocess_bench::{SESSION, axum_session, hello, ready, request, session};
use slotbus::{Body, Router, routes};
use tower::Service;

pub(crate) fn bench(criterion: &mut Criterion) {
    let ours: Router = Router::new().routes(routes![hello, session]);
    let axum: axum::Router = axum::Router::new().route("/", get(hello)).route("/session/{id}", get(axum_session));
    for (name, path) in [("root", "/"), ("session", SESSION)] {
        let (asked, ()) = request(path, ()).into_parts();
        let mut group = criterion.benchmark_group(format!("router alone, {name}"));
        answer(&mut group, "slotbus", ours.clone(), &asked);
        answer(&mut group, "axum", axum.clone(), &asked);
        group.finish();
    }
    look_up(criterion);
}

/// The route that was added last is asked for, below a prefix of its own, by a handler that reads nothing of the path.
fn look_up(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router, look-up");
    for routes in [1, 10, 100, 1000] {
        let (asked, ()) = request(&format!("/place-{}", routes - 1), ()).into_parts();
        let ours = (0..routes)
            .fold(Router::new(), |router, i| router.nest(&format!("/place-{i}"), Router::new().routes(routes![hello])));
        let axum = (0..routes).fold(axum::Router::new(), |router, i| router.route(&format!("/place-{i}"), get(hello)));
        answer(&mut group, &format!("slotbus, {routes}"), ours, &asked);
        answer(&mut group, &format!("axum, {routes}"), axum, &asked);
    }
    group.finish();
}

/// Measures one answer: the request is made before, the response is dropped after.
fn answer<S, R>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut service: S, parts: &Parts)
where
    S: Service<Request<Body>, Response = Response<R>, Error = std::convert::Infallible>,
{
    let request = || Request::from_parts(parts.clone(), Body::empty());
    let mut answer = move |request| match ready(service.call(request)) {
        Ok(response) => response,
        Err(never) => match never {},
    };
    assert_eq!(answer(request()).status(), 200);
    group.bench_function(name, |b| b.iter_batched(request, |request| answer(request).status(), BatchSize::SmallInput));
}
