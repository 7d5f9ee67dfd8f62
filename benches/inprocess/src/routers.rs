//! This crate's router beside axum's, each behind a bus of its own, with the same handlers and requests in turn. Prints what the
//! middle one of their answers takes, from the call to the response, and the ratio. Then the worker's side of a GET beside making its
//! request by http's builder.
//!
//! `cargo run --release -p inprocess-bench --bin routers`

use std::convert::Infallible;
use std::future::{self, Ready};
use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::routing::get;
use http::{Request, Response};
use inprocess_bench::{SESSION, axum_session, hello, ready, request, session};
use slotbus::bench::{Pair, Prepared};
use slotbus::{Body, Router, routes};
use tower::Service;

/// How many times axum's time the router is not to exceed.
const ROUTER_GOAL: f64 = 0.5;
/// How many times the builder's time the worker's side is not to exceed.
const BUILDER_GOAL: f64 = 1.1;
/// Turns of each of the two.
const ROUNDS: usize = 5_000;
/// Requests of a turn.
const TURN: usize = 64;

fn main() {
    let ours: Router = Router::new().routes(routes![hello, session]);
    let axums = axum::Router::new().route("/", get(hello)).route("/session/{id}", get(axum_session));
    let (mut ours, mut axums) = (BehindABus::new(ours), BehindABus::new(axums));
    // What two looks at the clock take by themselves.
    let look = median((0..1_000).map(|_| Instant::now().elapsed()).collect());
    for (name, path) in [("GET /", "/"), ("GET /session/{id}", SESSION)] {
        let prepared = Prepared::new(request(path, ()));
        for _ in 0..ROUNDS {
            ours.answer(&prepared);
            axums.answer(&prepared);
        }
        report(name, [ours.median(), axums.median()].map(|taken| taken - look), "axum's", ROUTER_GOAL);
    }
    let worker = compare_with_builder().map(|taken| taken - look);
    report("the worker's side of GET /", worker, "to make and drop its request with http's builder", BUILDER_GOAL);
}

fn report(what: &str, taken: [Duration; 2], other: &str, goal: f64) {
    let [ours, others] = taken.map(|taken| taken.as_nanos());
    let ratio = ours as f64 / others as f64;
    let verdict = if ratio <= goal { "met" } else { "missed" };
    println!("{what}: {ours} ns, {other} {others} ns: {ratio:.2} times (goal: at most {goal}, {verdict})");
}

/// What the middle one takes of all that a worker does for a GET, and of making the same request and dropping it.
fn compare_with_builder() -> [Duration; 2] {
    let mut pair = Pair::new(Router::new().routes(routes![hello, session]));
    let prepared = Prepared::new(request("/", ()));
    let mut taken = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for _ in 0..TURN {
            pair.send(&prepared);
            taken[0].push(timed(|| pair.work()));
            assert_eq!(pair.receive(), 200);
        }
        for _ in 0..TURN {
            taken[1].push(timed(|| drop(black_box(request(black_box("/"), Body::empty())))));
        }
    }
    taken.map(median)
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

struct BehindABus<S> {
    pair: Pair<Timed<S>>,
    taken: Taken,
}

impl<S> BehindABus<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    fn new(service: S) -> Self {
        let taken = Taken::default();
        Self { pair: Pair::new(Timed { service, taken: taken.clone() }), taken }
    }

    fn answer(&mut self, request: &Prepared) {
        for _ in 0..TURN {
            self.pair.send(request);
            self.pair.work();
            assert_eq!(self.pair.receive(), 200);
        }
    }

    /// What the middle one of the answers since the last call took.
    fn median(&self) -> Duration {
        median(std::mem::take(&mut self.taken.lock()))
    }
}

/// What each answer took.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<Duration>>>);

impl Taken {
    fn lock(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.0.lock().expect("no panic while it is held")
    }
}

/// A service that notes what its answers take.
#[derive(Clone)]
struct Timed<S> {
    service: S,
    taken: Taken,
}

impl<S> Service<Request<Body>> for Timed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let start = Instant::now();
        let response = ready(self.service.call(request));
        self.taken.lock().push(start.elapsed());
        future::ready(response)
    }
}
