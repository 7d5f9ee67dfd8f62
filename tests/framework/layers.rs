//! Layers: of tower and tower-http, unchanged and without error adapters.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, Request, StatusCode};
use slotbus::{Body, MatchedPath, Router, handler, routes};
use tower::{BoxError, ServiceBuilder, ServiceExt as _, service_fn, util::MapRequestLayer};
use tower_http::{
    compression::CompressionLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer, trace::TraceLayer,
};

use super::{call, get, post, send};

#[handler(GET, "/quick")]
async fn quick() -> &'static str {
    "quick"
}

#[handler(GET, "/never")]
async fn never() {
    std::future::pending().await
}

#[handler(GET, "/long")]
async fn long() -> String {
    "long ".repeat(1000)
}

#[handler(POST, "/length")]
async fn length(body: String) -> String {
    body.len().to_string()
}

fn app<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().routes(routes![quick, never, long, length])
}

/// Long enough for a handler that is ready at once, as a time-out polls it first.
const SOON: Duration = Duration::from_millis(10);

/// Counts the requests it lets through.
fn counting(
    count: &Arc<AtomicUsize>,
) -> MapRequestLayer<impl Fn(Request<Body>) -> Request<Body> + Clone + Send + Sync + use<>> {
    let count = Arc::clone(count);
    MapRequestLayer::new(move |request: Request<Body>| {
        count.fetch_add(1, Ordering::Relaxed);
        request
    })
}

#[tokio::test]
async fn the_usual_stack_of_tower_http_fits() {
    let app: Router = app().layer(
        ServiceBuilder::new()
            .layer(TraceLayer::new_for_http())
            .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(9)))
            .layer(CompressionLayer::new())
            .layer(RequestBodyLimitLayer::new(10)),
    );
    get(&app, "/quick").await.assert_status(200).assert_text("quick");
    post(&app, "/length", "text/plain", "0123456789").await.assert_status(200).assert_text("10");
    assert_eq!(post(&app, "/length", "text/plain", "0123456789a").await.status(), 413);
}

#[tokio::test]
async fn a_layer_may_change_the_body_of_the_response() {
    let app: Router = app().layer(CompressionLayer::new());
    let request = Request::get("/long").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
}

#[tokio::test]
async fn the_time_out_of_tower_http_answers_by_itself() {
    let app: Router = app().layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SOON));
    get(&app, "/never").await.assert_status(408).assert_text("");
}

#[tokio::test]
async fn the_time_out_of_tower_is_answered_504() {
    let app: Router = app().layer(tower::timeout::TimeoutLayer::new(SOON));
    get(&app, "/never").await.assert_problem(504);
    get(&app, "/quick").await.assert_status(200).assert_text("quick");
}

#[tokio::test]
async fn a_shed_load_is_answered_503_and_its_stack_needs_no_adapter() {
    let stack = ServiceBuilder::new().load_shed().concurrency_limit(1).timeout(SOON);
    let app: Router = app().layer(stack);
    let (first, second) = tokio::join!(get(&app, "/never"), get(&app, "/never"));
    let mut both = [first.status().as_u16(), second.status().as_u16()];
    both.sort();
    assert_eq!(both, [503, 504]);
}

#[tokio::test]
async fn any_other_error_of_a_layer_is_answered_500_without_its_text() {
    let failing = service_fn(async |_: Request<Body>| Err::<&str, BoxError>("secret".into()));
    let app: Router = app().layer(tower::layer::layer_fn(move |_| failing));
    let answer = get(&app, "/quick").await;
    answer.assert_problem(500);
    assert!(!answer.text().contains("secret"));
}

#[tokio::test]
async fn a_layer_runs_for_404_and_405_too_and_a_route_layer_does_not() {
    let (all, routed) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let app: Router = app().route_layer(counting(&routed)).layer(counting(&all));
    get(&app, "/quick").await.assert_status(200).assert_text("quick");
    get(&app, "/nothing").await.assert_problem(404);
    let answer = call(&app, Method::PUT, "/quick").await;
    answer.assert_problem(405);
    assert_eq!(answer.headers()["allow"], "GET, HEAD");
    assert_eq!((all.load(Ordering::Relaxed), routed.load(Ordering::Relaxed)), (3, 1));
}

#[tokio::test]
async fn a_layer_covers_only_what_was_added_before() {
    #[handler(GET, "/later")]
    async fn later() {}
    let count = Arc::default();
    let app: Router = app().layer(counting(&count)).routes(routes![later]).fallback(async || ());
    get(&app, "/later").await.assert_status(200).assert_text("");
    call(&app, Method::PUT, "/later").await.assert_problem(405);
    get(&app, "/nothing").await.assert_status(200).assert_text("");
    assert_eq!(count.load(Ordering::Relaxed), 0);
    get(&app, "/quick").await.assert_status(200).assert_text("quick");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_last_layer_is_the_outermost_also_when_the_state_comes_later() {
    #[handler(GET, "/")]
    async fn show(
        slotbus::State(state): slotbus::State<String>,
        slotbus::Extension(way): slotbus::Extension<String>,
    ) -> String {
        format!("{state}{way}")
    }
    let mark = |mark: char| {
        MapRequestLayer::new(move |mut request: Request<Body>| {
            let extensions = request.extensions_mut();
            let mut way = extensions.remove::<String>().unwrap_or_default();
            way.push(mark);
            extensions.insert(way);
            request
        })
    };
    let nested = Router::new().routes(routes![show]).layer(mark('a'));
    let app: Router = Router::new().nest("/n", nested.layer(mark('b'))).with_state("s".to_owned()).layer(mark('c'));
    get(&app, "/n").await.assert_status(200).assert_text("scba");
}

#[tokio::test]
async fn a_layer_sees_the_matched_path_and_its_rewritten_uri_does_not_change_the_parameters() {
    #[handler(GET, "/users/{id}")]
    async fn user(slotbus::Path(id): slotbus::Path<u32>, uri: http::Uri) -> String {
        format!("{id} {uri}")
    }
    let rewrite = MapRequestLayer::new(|mut request: Request<Body>| {
        assert_eq!(MatchedPath::of(request.extensions()).unwrap().as_str(), "/users/{id}");
        *request.uri_mut() = "/elsewhere".parse().unwrap();
        request
    });
    let app: Router = Router::new().routes(routes![user]).route_layer(rewrite);
    get(&app, "/users/7").await.assert_status(200).assert_text("7 /elsewhere");
}

#[tokio::test]
async fn a_router_in_a_stack_takes_any_body() {
    let app: Router = app();
    let service = ServiceBuilder::new().layer(RequestBodyLimitLayer::new(3)).service(app);
    let request = Request::post("/length").body(Body::from("abc")).unwrap();
    assert_eq!(service.clone().oneshot(request).await.unwrap().status(), 200);
    // No length is known beforehand, so the limit strikes while the handler reads.
    let chunks = futures::stream::iter(["ab", "cd"].map(Ok::<_, std::io::Error>));
    let request = Request::post("/length").body(Body::from_stream(chunks)).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 413);
}

#[tokio::test]
async fn head_through_a_layer_has_no_body() {
    let app: Router = app().layer(TraceLayer::new_for_http());
    let request = Request::head("/quick").body(Body::empty()).unwrap();
    let answer = send(&app, request).await;
    answer.assert_status(200).assert_text("");
    assert_eq!(answer.headers()["content-length"], "5");
}

#[test]
#[should_panic(expected = "before the first handler")]
fn a_route_layer_before_the_first_handler_panics() {
    let _: Router = Router::new().route_layer(TraceLayer::new_for_http());
}
