//! `TestClient`: what a handler and a caller see without a bus is what they see with one.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use serde_json::{Value, json};
use slotbus::hub::CallError;
use slotbus::testing::{TestBus, TestClient, TestResponse};
use slotbus::{Body, Deadline, Form, Json, RequestId, Router, handler, routes};

use crate::{Unready, app, panic_of};

#[tokio::test]
async fn an_answer_has_status_headers_and_body() {
    let response = TestClient::new(app()).get("/hello/world").await;
    response.assert_status(200).assert_text("hello, world").assert_header("content-type", "text/plain; charset=utf-8");
    assert_eq!((response.status().as_u16(), response.text(), response.bytes().len()), (200, "hello, world", 12));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!((response.header("x-none"), response.headers().len()), (None, 1));
    assert!(response.error().is_none());
    assert_eq!(response.into_response().unwrap().status(), 200);
}

#[tokio::test]
async fn every_method_that_the_wire_knows_can_be_sent_and_no_other() {
    let client = TestClient::new(tower::service_fn(|request: Request<Body>| async move {
        Ok::<_, Infallible>(Response::new(Body::from(request.method().to_string())))
    }));
    client.get("/").await.assert_text("GET");
    client.post("/").await.assert_text("POST");
    client.put("/").await.assert_text("PUT");
    client.patch("/").await.assert_text("PATCH");
    client.delete("/").await.assert_text("DELETE");
    client.request(Method::OPTIONS, "*").await.assert_text("OPTIONS");
    client.request(Method::HEAD, "/").await.assert_status(200).assert_text("");
    assert!(matches!(client.request(Method::TRACE, "/").await.assert_status(501).error(), Some(CallError::Wire(_))));
}

#[tokio::test]
async fn json_and_forms_are_sent_with_their_type_and_json_is_read() {
    #[handler(POST, "/json")]
    async fn add(Json(value): Json<Value>) -> Json<Value> {
        Json(json!({ "sum": value["a"].as_i64().unwrap() + value["b"].as_i64().unwrap() }))
    }
    #[handler(POST, "/form")]
    async fn join(Form(pairs): Form<Vec<(String, String)>>) -> String {
        pairs.into_iter().map(|(name, value)| format!("{name}: {value}.")).collect()
    }
    let client = TestClient::new(Router::new().routes(routes![add, join]));
    let sum = client.post_json("/json", &json!({ "a": 1, "b": 2 })).await;
    assert_eq!(sum.assert_json(&json!({ "sum": 3 })).json::<Value>()["sum"], 3);
    client.post_form("/form", &[("a", "1 2"), ("b", "&")]).await.assert_text("a: 1 2.b: &.");
    client.post("/json").header("content-type", "text/plain").body("{}").await.assert_problem(415);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_sees_the_same_as_over_a_bus() {
    let bus = TestBus::start(app()).await;
    for client in [&TestClient::new(app()), bus.client()] {
        let drawn = client.get("/id").await;
        assert!(uuid::Uuid::try_parse(drawn.text()).is_ok(), "{drawn}");
        client.get("/id").extension(RequestId::new("order-7").unwrap()).await.assert_text("order-7");
        // Until when the hub waits, and sooner if the caller says so.
        let left = |response: TestResponse| response.text().parse::<u64>().unwrap();
        assert!((11..=30).contains(&left(client.get("/left").await)));
        let soon = Deadline(Instant::now() + Duration::from_secs(10));
        assert!(left(client.get("/left").extension(soon).await) <= 10);
        // The default body limit, and what no worker takes.
        client.post("/echo").body(vec![1; 2 << 20]).await.assert_status(200);
        client.post("/echo").body(vec![1; (2 << 20) + 1]).await.assert_status(413);
        // Headers that only concern one hop stay there, repeated ones keep their order.
        let seen = client.get("/headers").header("x", "1").header("te", "x").header("x", "2").header("x", "1").await;
        assert_eq!(seen.headers().get_all("x").iter().collect::<Vec<_>>(), ["1", "2", "1"]);
        assert!(seen.header("te").is_none(), "{seen}");
        assert_eq!(client.get("/panics").await.assert_problem(500), "the handler panicked");
        client.get("/nowhere").await.assert_problem(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_wire_cannot_carry_is_refused_as_over_a_bus() {
    let long = "a".repeat(70_000);
    let bus = TestBus::start(app()).await;
    for client in [&TestClient::new(app()), bus.client()] {
        let refused = client.get("/headers").header("x", &long).await;
        assert!(matches!(refused.assert_status(431).error(), Some(CallError::Wire(_))), "{refused}");
        let many = (0..300).fold(client.get("/headers"), |request, _| request.header("x", "1"));
        assert!(matches!(many.await.assert_status(431).error(), Some(CallError::Wire(_))));
        let binary = http::HeaderValue::from_bytes(b"\xff").unwrap();
        let refused = client.get("/headers").header("x", binary).await;
        assert!(matches!(refused.assert_status(400).error(), Some(CallError::Wire(_))), "{refused}");
    }
    let verbose = tower::service_fn(move |request: Request<Body>| {
        let long = long.clone();
        async move {
            let answer = Response::builder().header("x", long).header("from", request.uri().path());
            Ok::<_, Infallible>(answer.body(Body::empty()).unwrap())
        }
    });
    let bus = TestBus::start(verbose.clone()).await;
    let details = [TestClient::new(verbose).get("/").await.assert_problem(500), bus.get("/").await.assert_problem(500)];
    assert_eq!(details[0], details[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_service_are_answered_as_over_a_bus() {
    let fails = tower::service_fn(|_: Request<Body>| async {
        Err::<Response<Body>, _>(Box::<dyn std::error::Error + Send + Sync>::from("disk on fire"))
    });
    let overdue =
        tower::ServiceBuilder::new().timeout(Duration::ZERO).service(tower::service_fn(|_: Request<Body>| async {
            std::future::pending::<()>().await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
    TestClient::new(fails).get("/").await.assert_problem(500);
    TestBus::start(fails).await.get("/").await.assert_problem(500);
    TestClient::new(overdue.clone()).get("/").await.assert_problem(504);
    TestBus::start(overdue).await.get("/").await.assert_problem(504);
    TestClient::new(Unready).get("/").await.assert_problem(500);
    TestBus::start(Unready).await.get("/").await.assert_problem(500);
}

#[tokio::test]
async fn the_limits_of_a_worker_count_without_one() {
    let client = TestClient::with_options(slotbus::serve(app()).body_limit(10).message_limit(200).header_limit(2));
    client.post("/echo").body("0123456789").await.assert_text("0123456789");
    client.post("/echo").body("0123456789a").await.assert_status(413);
    let refused = client.post("/echo").body(vec![0; 201]).await.assert_problem(413);
    assert_eq!(refused, "a body of 201 bytes exceeds the limit of 200");
    let refused = client.get("/headers").header("a", "").header("b", "").header("c", "").await.assert_problem(431);
    assert_eq!(refused, "3 headers exceed the limit of 2");
    let long = format!("/hello/{}", "a".repeat(200));
    assert!(client.get(&long).await.assert_problem(500).contains("limit of 200 bytes"));
}

#[tokio::test]
async fn an_assertion_that_fails_shows_the_whole_answer() {
    let client = TestClient::new(app());
    let response = client.get("/hello/world").await;
    let shown = "GET /hello/world: 200 OK\n\
                 content-type: text/plain; charset=utf-8\n\
                 \n\
                 hello, world";
    for (panic, why) in [
        (panic_of(|| response.assert_status(404).status()), "expected status 404, got\n"),
        (panic_of(|| response.assert_text("hello").status()), "expected the text \"hello\", got\n"),
        (panic_of(|| response.assert_header("x", "1").status()), "expected header x: 1, got\n"),
        (
            panic_of(|| response.assert_header("content-type", "text/html").status()),
            "expected header content-type: text/html, got\n",
        ),
        (panic_of(|| response.assert_json("hello, world").status()), "expected the JSON \"hello, world\", got\n"),
        (panic_of(|| response.assert_problem(200)), "expected a problem, got\n"),
    ] {
        assert_eq!(panic, format!("{why}{shown}"));
    }
    assert!(panic_of(|| response.json::<u32>()).ends_with(shown));
    let none = client.request(Method::TRACE, "/").await;
    assert!(panic_of(|| none.assert_status(200).status()).contains("TRACE /: no answer, for a gateway 501"));
    let binary = client.post("/echo").body(&b"\xff"[..]).await;
    assert!(panic_of(|| binary.text().len()).contains("the body is no text"));
}

#[tokio::test]
async fn what_is_no_request_panics_where_it_is_made() {
    let client = TestClient::new(app());
    assert_eq!(panic_of(|| client.get("hello")), "\"hello\" is no request target: it does not start with /");
    assert!(panic_of(|| client.get("/a b")).starts_with("\"/a b\" is no request target: "));
    assert!(panic_of(|| client.get("/").header("a b", "")).starts_with("no name of a header: "));
    assert!(panic_of(|| client.get("/").header("a", "\n")).starts_with("no value of header a: "));
    assert!(panic_of(|| client.post_form("/", "text")).starts_with("no form: "));
}

#[tokio::test]
async fn json_and_problems_are_such_only_by_their_content_type() {
    let problem = r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"no such note"}"#;
    let response = async |content_type: &str| {
        let response = Response::builder().status(404).header("content-type", content_type);
        TestResponse::from_response(response.body(Body::from(problem)).unwrap()).await
    };
    let named = response("application/problem+json").await;
    assert_eq!(named.assert_problem(404), "no such note");
    let plain = response("application/json; charset=utf-8").await;
    plain.assert_json(&plain.json::<Value>());
    assert!(panic_of(|| plain.assert_problem(404)).starts_with("expected a problem, got\na response: 404 Not Found\n"));
    assert!(panic_of(|| named.assert_json(&plain.json::<Value>()).status()).starts_with("expected the JSON {"));
    assert!(panic_of(|| plain.assert_json(&json!({})).status()).starts_with("expected the JSON {}, got"));
}
