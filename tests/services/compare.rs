//! One service behind a bus and behind a TCP listener.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use slotbus::Body;
use slotbus::hub::Hub;
use tokio::task::JoinHandle;
use tower::Service;

use crate::cases::Case;
use crate::support::{Worker, name};

/// An answer, without what only a TCP server adds.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: BTreeMap<String, Vec<Bytes>>,
    body: Bytes,
}

/// The same service twice.
pub(crate) struct Pair {
    hub: Hub,
    worker: Worker,
    server: JoinHandle<()>,
    client: Client<HttpConnector, Body>,
    address: std::net::SocketAddr,
}

impl Pair {
    /// Serves `on_bus` on a bus and `over_tcp`, which is the same, on 127.0.0.1.
    pub(crate) async fn start<S, R, E>(on_bus: S, over_tcp: axum::Router) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>, Error = E> + Clone + Send + 'static,
        S::Future: Send,
        E: Into<slotbus::body::BoxError>,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<slotbus::body::BoxError>,
    {
        let name = name();
        let hub = Hub::builder(&name).create().unwrap();
        // The default limit of extractors must be the same on both sides.
        let worker = Worker::with(&name, on_bus, |serve| serve.body_limit(2_097_152));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async { axum::serve(listener, over_tcp).await.unwrap() });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { hub, worker, server, client, address }
    }

    /// Both answers to `case`.
    pub(crate) async fn ask(&self, case: &Case) -> (Answer, Answer) {
        let request = |target: &str| {
            let mut request = Request::builder().method(&case.method).uri(target).header("host", "localhost");
            if !case.body.is_empty() {
                request = request.header("content-length", case.body.len());
            }
            for (name, value) in &case.headers {
                request = request.header(*name, *value);
            }
            request.body(Body::from(case.body.clone())).unwrap()
        };
        let ours = self.hub.call(request(case.target)).await.unwrap();
        let theirs = self.client.request(request(&format!("http://{}{}", self.address, case.target))).await.unwrap();
        (answer(ours).await, answer(theirs).await)
    }

    pub(crate) async fn stop(self) {
        self.worker.stop().await;
        self.server.abort();
    }
}

async fn answer<B>(response: Response<B>) -> Answer
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: sorted(&parts.headers), body }
}

fn sorted(headers: &HeaderMap) -> BTreeMap<String, Vec<Bytes>> {
    let mut sorted = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in headers {
        if !matches!(name.as_str(), "date" | "transfer-encoding" | "connection") {
            sorted.entry(name.to_string()).or_default().push(Bytes::copy_from_slice(value.as_bytes()));
        }
    }
    sorted
}

/// Asks all of `cases` and compares the answers; how many there were.
pub(crate) async fn compare(pair: &Pair, cases: Vec<Case>) -> usize {
    let count = cases.len();
    for case in cases {
        let (mut ours, mut theirs) = pair.ask(&case).await;
        if !ours.headers.contains_key("content-length") {
            theirs.headers.remove("content-length");
        }
        if !theirs.headers.contains_key("content-length") {
            // A server that sends a body in chunks leaves the length out.
            ours.headers.remove("content-length");
        }
        assert_eq!(ours, theirs, "{case:?}");
    }
    count
}
