//! What only a bus shows: ids in refusals, streams that are collected, limits.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use slotbus::{
    Body, Json, Path, RequestId, Router, State, extract::RawBody, handler, hub::Hub, response::IntoResponse, routes,
};

use slotbus::testing::TestResponse;

use super::support::{Worker, get_request, name};

const KIB: usize = 1024;

/// Counts the pieces a stream has given.
type Given = Arc<AtomicUsize>;

/// `total` pieces of a KiB; the stream breaks off after `good` of them.
fn pieces(given: Given, total: usize, good: usize) -> Body {
    let pieces = stream::iter(0..total).then(move |n| {
        let given = Arc::clone(&given);
        async move {
            tokio::task::yield_now().await;
            given.fetch_add(1, Ordering::SeqCst);
            if n < good { Ok(Bytes::from(vec![b'x'; KIB])) } else { Err(std::io::Error::other("secret")) }
        }
    });
    Body::from_stream(pieces)
}

#[handler(GET, "/pieces/{total}/{good}")]
async fn send_pieces(Path((total, good)): Path<(usize, usize)>, State(given): State<Given>) -> impl IntoResponse {
    (StatusCode::CREATED, [("x-part", "of the answer")], pieces(given, total, good))
}

#[handler(GET, "/panics")]
async fn panics() -> Body {
    Body::from_stream(
        stream::iter(0..2).map(|n| if n == 0 { Ok::<_, std::io::Error>("ab") } else { panic!("half-way") }),
    )
}

#[handler(POST, "/length")]
async fn length(RawBody(body): RawBody) -> String {
    let size = http_body::Body::size_hint(&body).exact();
    format!("{size:?}")
}

#[handler(POST, "/json")]
async fn json(Json(n): Json<u8>) -> String {
    n.to_string()
}

#[handler(POST, "/bytes")]
async fn binary(body: Bytes) -> String {
    body.len().to_string()
}

fn app(given: &Given) -> Router {
    Router::new().routes(routes![send_pieces, panics, length, json, binary]).with_state(Arc::clone(given))
}

struct Pair {
    hub: Hub,
    worker: Worker,
}

impl Pair {
    /// A worker of `app` with a message limit of 64 KiB and a body limit of 8 KiB, and its hub.
    fn start(app: Router) -> Self {
        let name = name();
        let hub = Hub::builder(&name).create().unwrap();
        let worker = Worker::with(&name, app, |serve| serve.message_limit(64 * KIB).body_limit(8 * KIB));
        Self { hub, worker }
    }

    async fn response(&self, request: Request<Body>) -> Response<Body> {
        self.hub.call(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> TestResponse {
        TestResponse::from_response(self.response(get_request(path)).await).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_up_to_the_message_limit_arrives_whole() {
    let pair = Pair::start(app(&Given::default()));
    let answer = pair.get("/pieces/64/64").await;
    assert_eq!((answer.status().as_u16(), answer.text().len()), (201, 64 * KIB));
    assert_eq!(answer.headers()["x-part"], "of the answer");
    pair.worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_beyond_the_message_limit_is_dropped_there_and_answered_500() {
    let given = Given::default();
    let pair = Pair::start(app(&given));
    let answer = pair.get("/pieces/1000000/1000000").await;
    assert_eq!(answer.assert_problem(500), "the response was refused: the body exceeds the limit of 65536 bytes");
    assert!(!answer.headers().contains_key("x-part"));
    assert_eq!(given.load(Ordering::SeqCst), 65);
    pair.worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_half_way_is_answered_500_without_its_error() {
    let given = Given::default();
    let pair = Pair::start(app(&given));
    let answer = pair.get("/pieces/9/3").await;
    assert_eq!(answer.assert_problem(500), "the response was refused: the body failed");
    assert!(!answer.text().contains("secret") && !answer.headers().contains_key("x-part"));
    assert_eq!(given.load(Ordering::SeqCst), 4);
    pair.worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_panics_half_way_is_answered_500_and_the_worker_goes_on() {
    let pair = Pair::start(app(&Given::default()));
    pair.get("/panics").await.assert_problem(500);
    assert_eq!(pair.get("/pieces/1/1").await.status(), 201);
    pair.worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_body_is_bounded_by_the_message_limit_and_not_by_the_body_limit() {
    let pair = Pair::start(app(&Given::default()));
    let post = |path: &str, len: usize| Request::post(path).body(Body::from(vec![b' '; len])).unwrap();
    let answer = TestResponse::from_response(pair.response(post("/length", 64 * KIB)).await).await;
    answer.assert_status(200).assert_text("Some(65536)");
    assert_eq!(pair.response(post("/length", 64 * KIB + 1)).await.status(), 413);
    TestResponse::from_response(pair.response(post("/bytes", 8 * KIB + 1)).await).await.assert_problem(413);
    pair.worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_names_the_request_and_a_mapping_knows_it() {
    let requests = || {
        [
            get_request("/nowhere"),
            get_request("/json"),
            get_request("/pieces/x/1"),
            Request::post("/json").body(Body::empty()).unwrap(),
            Request::post("/bytes").body(Body::from(vec![0; 9 * KIB])).unwrap(),
        ]
    };
    let given = Given::default();
    let plain = Pair::start(app(&given));
    let mapped = Pair::start(app(&given).map_rejection(|refusal, request| {
        assert_eq!(refusal.request_id(), request.request_id());
        refusal.request_id().map(ToString::to_string).unwrap_or_default()
    }));
    for (mut request, mut same) in requests().into_iter().zip(requests()) {
        let id = RequestId::new("order-7").unwrap();
        request.extensions_mut().insert(id);
        same.extensions_mut().insert(id);
        let answer = TestResponse::from_response(plain.response(request).await).await;
        let problem: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
        assert_eq!(problem["request_id"], "order-7", "{problem}");
        TestResponse::from_response(mapped.response(same).await).await.assert_status(200).assert_text("order-7");
    }
    plain.worker.stop().await;
    mapped.worker.stop().await;
}
