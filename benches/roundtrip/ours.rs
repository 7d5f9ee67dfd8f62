//! This crate on both sides.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use slotbus::Body;
use slotbus::hub::Hub;

use crate::Pair;
use crate::driver::{Cell, HEADERS, HELLO, Sample, WorkerProcess, Workload, bus_name, drive, runtime};

pub(crate) fn worker(bus: &str) {
    let app = tower::service_fn(|request: Request<Body>| async {
        let body = match *request.method() {
            Method::GET => Body::from(HELLO),
            _ => request.into_body(),
        };
        Ok::<_, Infallible>(Response::new(body))
    });
    runtime().block_on(async { slotbus::serve(app).name(bus).await }).expect("the worker runs until it is killed");
}

pub(crate) fn measure(cell: Cell, length: Duration) -> Sample {
    let bus = bus_name();
    let hub = Hub::builder(&bus).create().expect("the bus can be made");
    let worker = WorkerProcess::start(Pair::Ours, &bus);
    let request = request(cell.workload);
    let sample = runtime().block_on(async {
        let hub = hub.clone();
        let len = request.body().clone().collect().await.expect("a full body").to_bytes().len();
        let call = move || {
            let call = hub.call(request.clone());
            async move {
                let Ok(response) = call.await else { return false };
                let body = response.into_body().collect().await.expect("the body is whole").to_bytes();
                assert!(body == HELLO || body.len() == len, "the answer is the request's");
                true
            }
        };
        drive(cell.in_flight, length, call).await
    });
    drop(worker);
    sample
}

fn request(workload: Workload) -> Request<Full<Bytes>> {
    let mut request = match workload {
        Workload::Get => Request::get("/hello").body(Full::default()),
        Workload::Echo(len) => Request::post("/echo").body(Full::from(vec![7; len])),
    }
    .expect("a request of constants");
    for (name, value) in HEADERS {
        request.headers_mut().append(name, value.parse().expect("a header of constants"));
    }
    request
}
