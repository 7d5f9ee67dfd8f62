//! A subscriber of `tracing` that panics whenever a request's span is entered.

mod support;

use slotbus::Body;
use slotbus::hub::Hub;
use support::{Worker, get_request, name, service};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

struct Panics;

impl Subscriber for Panics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("slotbus")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {
        panic!("as asked");
    }

    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_panics_costs_requests_a_500_and_not_their_worker() {
    tracing::subscriber::set_global_default(Panics).unwrap();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(|_| async { http::Response::new(Body::empty()) }));
    for _ in 0..5 {
        assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 500);
    }
    worker.stop().await;
}
