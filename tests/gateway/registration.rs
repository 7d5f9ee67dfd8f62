//! What workers may register, and what they are told.

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;
use slotbus::gateway::{BindError, Gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::setup::{PATIENCE, Running, echo, get, json_of, post, problem, send, until, worker};
use crate::support::name;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_registration_is_refused_with_what_is_wrong_and_costs_nothing() {
    let gateway = Running::start().await;
    let name = name();
    let with = |method: &str, path: &str| json!({ "name": name, "routes": [{ "method": method, "path": path }] });
    for (registration, part) in [
        (json!({ "name": "a/b", "routes": [] }), "a/b"),
        (json!({ "name": "a-req-1", "routes": [] }), "overflow"),
        (json!({ "name": name }), "routes"),
        (with("TRACE", "/a"), "TRACE /a"),
        (with("get", "/a"), "get /a"),
        (with("GET", "a"), "begin with `/`"),
        (with("GET", "/{a}{b}"), "{a}{b}"),
        (json!({ "name": name, "routes": [{ "method": "POST", "path": "/s", "sse": true }] }), "GET"),
    ] {
        let detail = problem(post(gateway.address, "/internal/register", &registration).await, 400);
        assert!(detail.contains(part), "{registration}: {detail}");
    }
    problem(get(gateway.address, "/internal/register").await, 405);
    // What a page in a browser can send to this machine without asking first, and what it can send at all.
    for (name, value, status) in [("content-type", "text/plain", 415), ("origin", "https://example.org", 403)] {
        let forged = Request::post("/internal/register").header(name, value);
        let body = json!({ "name": "w", "routes": [] }).to_string();
        problem(send(gateway.address, forged.body(Full::from(body)).unwrap()).await, status);
    }
    assert!(!std::path::Path::new(&format!("/dev/shm/hub-{name}")).exists());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_could_be_anothers_is_refused_and_the_others_stay() {
    let gateway = Running::start().await;
    let [first, second] = [name(), name()];
    gateway.register(&first, &[("GET", "/a/{id}"), ("GET", "/b/{id}")]).await;
    let id = gateway.register(&second, &[("GET", "/mine")]).await;
    let worker = worker(&second, echo);
    let routes = json!([{ "method": "GET", "path": "/a/{other}" }]);
    let refused = post(gateway.address, "/internal/register", &json!({ "name": second, "routes": routes })).await;
    let detail = problem(refused, 409);
    assert!(detail.contains(&first) && detail.contains("/a/{other}"), "{detail}");
    assert_eq!(get(gateway.address, "/mine").await.status(), StatusCode::OK);
    assert_eq!(gateway.health(&second).await, [id]);
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_the_gateway_itself_answers_is_refused_by_name_and_one_that_only_overlaps_is_not() {
    let gateway = Running::with(|builder| builder.metrics(String::new)).await;
    let name = name();
    for (method, path) in [
        ("GET", "/health"),
        ("DELETE", "/metrics"),
        ("GET", "/events"),
        ("GET", "/events/:of"),
        ("POST", "/internal/emit"),
    ] {
        let routes = json!([{ "method": "GET", "path": "/mine" }, { "method": method, "path": path }]);
        let refused = post(gateway.address, "/internal/register", &json!({ "name": name, "routes": routes })).await;
        let detail = problem(refused, 409);
        assert!(detail.contains(&format!("{method} {path}")), "{detail}");
    }
    assert!(gateway.health(&name).await.is_empty());
    gateway.register(&name, &[("GET", "/{*any}")]).await;
    let worker = worker(&name, echo);
    assert_eq!(json_of(get(gateway.address, "/health/of").await)["path"], "/health/of");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_routes_have_a_number_and_who_has_gone_makes_room() {
    let gateway = Running::with(|builder| builder.names(2).routes(3, 4)).await;
    let [first, second, third] = [name(), name(), name()];
    let routes = |count: usize| -> Vec<_> {
        (0..count).map(|i| json!({ "method": "GET", "path": format!("/{count}/{i}") })).collect()
    };
    let register = async |name: &str, count: usize| {
        let registration = json!({ "name": name, "routes": routes(count) });
        post(gateway.address, "/internal/register", &registration).await
    };
    assert!(problem(register(&first, 4).await, 413).contains("4 routes"));
    let long = json!({ "name": first, "routes": [{ "method": "GET", "path": format!("/{}", "x".repeat(1024)) }] });
    problem(post(gateway.address, "/internal/register", &long).await, 413);
    assert_eq!(register(&first, 3).await.status(), 200);
    assert!(problem(register(&second, 2).await, 409).contains("exceed 4"));
    assert!(!std::path::Path::new(&format!("/dev/shm/hub-{second}")).exists());
    assert_eq!(register(&second, 1).await.status(), 200);
    // Again is no other name, and its routes are not counted twice.
    assert_eq!(register(&first, 3).await.status(), 200);
    assert!(problem(register(&third, 0).await, 409).contains("2 names"));
    let worker = worker(&second, echo);
    assert_eq!(get(gateway.address, "/1/0").await.status(), StatusCode::OK);
    worker.stop().await;
    assert_eq!(register(&third, 0).await.status(), 200);
    assert!(!std::path::Path::new(&format!("/dev/shm/hub-{second}")).exists());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_speak_too_many_at_once_are_told_to_come_again() {
    let gateway = Running::with(|builder| builder.read_timeout(PATIENCE).timeout(PATIENCE)).await;
    let name = name();
    for (path, body) in [
        ("/internal/register", json!({ "name": name, "routes": [] })),
        ("/internal/emit", json!({ "source": "w", "event_type": "t", "data": "" })),
    ] {
        let mut slow = Vec::new();
        for _ in 0..64 {
            let mut stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
            let head =
                "HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\nexpect: 100-continue";
            stream.write_all(format!("POST {path} {head}\r\n\r\n").as_bytes()).await.unwrap();
            // Asked for when the body is read, which is with a place.
            let mut asked_for = [0; 12];
            stream.read_exact(&mut asked_for).await.unwrap();
            assert_eq!(&asked_for, b"HTTP/1.1 100");
            slow.push(stream);
        }
        problem(post(gateway.address, path, &body).await, 429);
        drop(slow);
        until(async || post(gateway.address, path, &body).await.status() == 200).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_gone_keeps_no_route_from_others_and_a_bus_that_was_taken_is_made_anew() {
    let gateway = Running::start().await;
    let [first, second] = [name(), name()];
    gateway.register(&first, &[("GET", "/a"), ("GET", "/b")]).await;
    let former = worker(&first, echo);
    assert_eq!(get(gateway.address, "/a").await.status(), StatusCode::OK);
    former.stop().await;
    assert!(gateway.health(&first).await.is_empty());
    gateway.register(&second, &[("GET", "/a")]).await;
    let next = worker(&second, |_| async { http::Response::new("next".into()) });
    assert_eq!(get(gateway.address, "/a").await.body(), "next");
    // Somebody removes the bus under the gateway.
    std::fs::remove_file(format!("/dev/shm/hub-{second}")).unwrap();
    until(async || gateway.health(&second).await.is_empty()).await;
    let id = gateway.register(&second, &[("GET", "/a")]).await;
    assert_eq!(gateway.health(&second).await, [id]);
    assert_eq!(get(gateway.address, "/a").await.body(), "next");
    next.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routes_that_were_registered_last_hold_for_the_name() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/old"), ("GET", "/both")]).await;
    let worker = worker(&name, echo);
    assert_eq!(get(gateway.address, "/old").await.status(), StatusCode::OK);
    gateway.register(&name, &[("GET", "/new"), ("GET", "/both")]).await;
    problem(get(gateway.address, "/old").await, 404);
    for path in ["/new", "/both"] {
        assert_eq!(json_of(get(gateway.address, path).await)["path"], path);
    }
    assert_eq!(gateway.health(&name).await.len(), 2, "the former worker is there still, and need not register again");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_is_registered_a_client_is_sent_elsewhere_or_told_to_come_again() {
    let gateway = Running::start().await;
    assert_eq!(problem(get(gateway.address, "/").await, 503), "no worker has registered yet");
    gateway.register(&name(), &[("GET", "/there")]).await;
    problem(get(gateway.address, "/").await, 404);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ping_of_published_workers_is_no_route_of_clients() {
    let gateway = Running::start().await;
    for name in [name(), name()] {
        gateway.register(&name, &[("GET", "/__ping__"), ("GET", &format!("/{name}"))]).await;
    }
    problem(get(gateway.address, "/__ping__").await, 404);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_shown_only_when_there_are_any() {
    let gateway = Running::start().await;
    gateway.register(&name(), &[("GET", "/")]).await;
    problem(get(gateway.address, "/metrics").await, 404);
    gateway.stop().await;
    let gateway = Running::with(|builder| builder.metrics(|| "up 1\n".to_owned())).await;
    assert_eq!(get(gateway.address, "/metrics").await.body(), "up 1\n");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_reach_needs_a_secret_and_those_who_come_from_there_send_it() {
    const SECRET: &str = "correct-horse-battery";
    let refused = Gateway::builder().bind("0.0.0.0:0").await.unwrap_err();
    assert!(matches!(refused, BindError::NoSecret(_)), "{refused}");
    let weak = Gateway::builder().secret("short").bind("127.0.0.1:0").await.unwrap_err();
    assert!(matches!(weak, BindError::WeakSecret), "{weak}");
    // An address of this machine that is not loopback, if it has one: a socket that is connected nowhere tells.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let outside = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()).map(|address| address.ip());
    let Ok(outside) =
        outside.and_then(|ip| if ip.is_loopback() { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(ip) })
    else {
        println!(
            "not run: an_address_that_others_reach_needs_a_secret_and_those_who_come_from_there_send_it (this machine has loopback \
             addresses only: `ip address add 192.0.2.1/32 dev lo`, or run it in a network namespace that has one)"
        );
        return;
    };
    let gateway = Gateway::builder().secret(SECRET).bind((outside, 0)).await.unwrap();
    let address = gateway.local_addr();
    let serving = tokio::spawn(gateway.serve());
    for (secret, status) in [(None, 401), (Some("wrong-horse-battery-"), 401), (Some(SECRET), 200)] {
        let mut request = Request::get("/health").body(Full::default()).unwrap();
        if let Some(secret) = secret {
            request.headers_mut().insert("x-hub-secret", secret.parse().unwrap());
        }
        assert_eq!(send(address, request).await.status(), status);
    }
    problem(get(address, "/any/path").await, 401);
    serving.abort();
}
