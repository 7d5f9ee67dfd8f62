//! What becomes of requests and answers on their way.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::setup::{Client, Running, echo, get, json_of, problem, send, worker};
use crate::support::name;

fn request(method: &str, path: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::from(body)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_either_http_reach_their_worker_and_come_back() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/items/{id}"), ("POST", "/items/:id")]).await;
    let worker = worker(&name, echo);
    for mut client in [Client::http1(gateway.address).await, Client::http2(gateway.address).await] {
        for (method, body) in [("GET", ""), ("POST", "some body")] {
            let answer = client.send(request(method, "/items/7%2F8?a=b&c", body), gateway.address).await;
            assert_eq!(answer.status(), 200, "{answer:?}");
            assert_eq!(answer.headers()["content-type"], "application/json");
            let said = json_of(answer);
            assert_eq!(
                (&said["method"], &said["path"], &said["query"], &said["length"]),
                (&json!(method), &json!("/items/7%2F8"), &json!("a=b&c"), &json!(body.len()))
            );
        }
    }
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_router_of_a_worker_takes_route_and_parameters_from_the_gateway() {
    #[slotbus::handler(GET, "/users/{id}/{part}")]
    async fn user(slotbus::Path((id, part)): slotbus::Path<(u32, String)>) -> String {
        format!("{id} {part}")
    }
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/users/{id}/{part}")]).await;
    let app = slotbus::Router::new().routes(slotbus::routes![user]);
    let worker = crate::support::Worker::with(&name, app, |serve| serve.prefix("hub"));
    assert_eq!(get(gateway.address, "/users/7/a%20b").await.body(), "7 a b");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_speaks_of_the_connection_stays_there_and_the_client_is_named() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    let worker = worker(&name, |request| async move {
        let mut answer = echo(request).await;
        answer.headers_mut().insert("x-of-worker", "1".parse().unwrap());
        answer
    });
    let mut asked = request("GET", "/", "");
    for (header, value) in [
        ("host", "shop.example"),
        // Nobody takes away what the gateway says.
        ("connection", "close, x-private, forwarded, x-request-id"),
        ("x-private", "1"),
        ("te", "trailers"),
        ("x-hub-secret", "told to nobody"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-request-id", "id-of-the-client"),
        ("x-kept", "yes"),
    ] {
        asked.headers_mut().insert(header, value.parse().unwrap());
    }
    let answer = send(gateway.address, asked).await;
    assert_eq!(answer.headers()["x-request-id"], "id-of-the-client");
    assert_eq!(answer.headers()["x-of-worker"], "1");
    let headers = json_of(answer)["headers"].clone();
    for gone in ["connection", "x-private", "te", "x-hub-secret"] {
        assert_eq!(headers[gone], json!(null), "{gone}");
    }
    assert_eq!(headers["host"], "shop.example");
    assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(headers["forwarded"], "for=127.0.0.1;host=\"shop.example\";proto=http");
    assert_eq!((&headers["x-request-id"], &headers["x-kept"]), (&json!("id-of-the-client"), &json!("yes")));
    let host = json_of(Client::http2(gateway.address).await.send(request("GET", "/", ""), gateway.address).await);
    assert_eq!(host["headers"]["host"], gateway.address.to_string());
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_goes_by_the_route_of_get_and_other_methods_are_told_what_is_allowed() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/a"), ("POST", "/a"), ("HEAD", "/own"), ("GET", "/own")]).await;
    let worker = worker(&name, |request| async move {
        let method = request.method().to_string();
        Response::builder().header("x-method", &method).body("five!".into()).unwrap()
    });
    let by_get = send(gateway.address, request("HEAD", "/a", "")).await;
    assert_eq!(by_get.headers()["x-method"], "GET");
    assert_eq!(by_get.headers()["content-length"], "5");
    assert!(by_get.body().is_empty());
    let own = send(gateway.address, request("HEAD", "/own", "")).await;
    assert_eq!(own.headers()["x-method"], "HEAD");
    let refused = send(gateway.address, request("DELETE", "/a", "")).await;
    assert_eq!(refused.headers()["allow"], "GET, POST, HEAD");
    problem(refused, 405);
    problem(send(gateway.address, request("PURGE", "/a", "")).await, 405);
    problem(get(gateway.address, "/b").await, 404);
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_and_tunnels_are_refused_with_the_reason() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/chat")]).await;
    let worker = worker(&name, echo);
    let mut upgrade = request("GET", "/chat", "");
    upgrade.headers_mut().insert("connection", "upgrade".parse().unwrap());
    upgrade.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    assert!(problem(send(gateway.address, upgrade.clone()).await, 501).contains("websocket"));
    upgrade.headers_mut().insert("upgrade", "h2c".parse().unwrap());
    let said = json_of(send(gateway.address, upgrade).await);
    assert_eq!(said["headers"]["upgrade"], json!(null), "it is answered in HTTP/1.1");
    let tunnel = Request::connect("example.org:443").body(Full::default()).unwrap();
    assert!(problem(send(gateway.address, tunnel).await, 501).contains("tunnels"));
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_of_both_kinds_get_their_own_answers() {
    const CLIENTS: usize = 20;
    const EACH: usize = 500;
    let gateway = Running::start().await;
    let names = [name(), name()];
    let mut workers = Vec::new();
    for (i, name) in names.iter().enumerate() {
        gateway.register(name, &[("POST", &format!("/{i}/{{word}}"))]).await;
        for _ in 0..2 {
            workers.push(worker(name, move |request| async move {
                let (parts, body) = request.into_parts();
                let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
                if body.len() % 3 == 0 {
                    tokio::task::yield_now().await;
                }
                let answer = [format!("{i} {} ", parts.uri.path()).as_bytes(), &body].concat();
                Response::new(answer.into())
            }));
        }
    }
    let address = gateway.address;
    let clients = (0..CLIENTS).map(|client| {
        tokio::spawn(async move {
            let mut connection =
                if client % 2 == 0 { Client::http1(address).await } else { Client::http2(address).await };
            let mut wrong = 0;
            for n in 0..EACH {
                let worker = n % 2;
                let path = format!("/{worker}/{client}-{n}");
                // Some have no place in the region.
                let body = format!("{client}:{n};").repeat(if n % 50 == 0 { 30_000 } else { n });
                let request = Request::post(&path).body(Full::from(body.clone())).unwrap();
                let answer = connection.send(request, address).await;
                let right = answer.status() == StatusCode::OK && answer.body() == &format!("{worker} {path} {body}");
                wrong += usize::from(!right);
            }
            wrong
        })
    });
    let wrong: usize = futures::future::join_all(clients).await.into_iter().map(|client| client.unwrap()).sum();
    assert_eq!(wrong, 0, "of {}", CLIENTS * EACH);
    for worker in workers {
        worker.stop().await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_what_the_gateway_answers_itself_has_no_body_over_either_http() {
    let gateway = Running::start().await;
    for mut client in [Client::http1(gateway.address).await, Client::http2(gateway.address).await] {
        for (path, status) in [("/health", 200), ("/nowhere", 503)] {
            let answer = client.send(request("HEAD", path, ""), gateway.address).await;
            assert_eq!(answer.status(), status);
            assert!(answer.body().is_empty() && answer.headers()["content-length"] != "0", "{answer:?}");
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_body_is_given_no_length() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/{status}")]).await;
    let worker = worker(&name, |request| async move {
        Response::builder().status(&request.uri().path()[1..]).header("etag", "\"1\"").body("".into()).unwrap()
    });
    for mut client in [Client::http1(gateway.address).await, Client::http2(gateway.address).await] {
        for (status, length) in [("304", None), ("204", None), ("200", Some("0"))] {
            for method in ["GET", "HEAD"] {
                let answer = client.send(request(method, &format!("/{status}"), ""), gateway.address).await;
                assert_eq!((answer.status().as_str(), &answer.headers()["etag"]), (status, &"\"1\"".parse().unwrap()));
                let given = answer.headers().get("content-length").map(|length| length.to_str().unwrap());
                assert!(given == length || given.is_none() && method == "GET", "{method} {answer:?}");
            }
        }
    }
    worker.stop().await;
    gateway.stop().await;
}
