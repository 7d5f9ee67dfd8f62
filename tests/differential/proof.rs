//! The comparison compares: what differs in one thing is found, and what may differ is what the list says.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use slotbus::response::{IntoResponse, Response};
use slotbus::{Body, Router};

use crate::both::{Answer, Case, Pair, case, get, settle};
use crate::differences::allowed;
use crate::requests::request;
use crate::run::run;

/// What both applications of these tests answer to anything.
async fn plain(request: http::Request<Body>) -> Response {
    let method = request.method().clone();
    let body = slotbus::body::to_bytes(request.into_body(), 4 << 20).await.unwrap_or_default();
    (StatusCode::ACCEPTED, [("x-a", "1")], format!("{method} {}", body.len())).into_response()
}

/// The requests that are found, and made small, when two applications answer alike but for what `planted` changes in one.
async fn planted(planted: fn(&Method, Response) -> Response) -> Vec<Case> {
    let ours = Router::new().fallback(move |request: http::Request<Body>| async move {
        let method = request.method().clone();
        planted(&method, plain(request).await)
    });
    let theirs = axum::Router::new().fallback(plain);
    let pair = Pair::start(ours, theirs).await;
    let report = run(&pair, 300).await;
    pair.stop().await;
    report.shown.into_iter().map(|disagreement| disagreement.case).collect()
}

#[tokio::test]
async fn equal_applications_are_found_equal() {
    assert_eq!(planted(|_, response| response).await, []);
}

#[tokio::test]
async fn another_status_of_one_method_is_found_and_its_request_made_small() {
    let unlike = planted(|method, mut response| {
        if method == Method::PUT {
            *response.status_mut() = StatusCode::OK;
        }
        response
    });
    let unlike = unlike.await;
    assert!(!unlike.is_empty());
    for Case { method, target, headers, body, streamed } in unlike {
        assert_eq!(method, Method::PUT, "{target}");
        assert!(headers.is_empty() && body.is_empty() && !streamed && !target.contains('?'), "{target} {headers:?}");
    }
}

#[tokio::test]
async fn another_header_value_and_one_more_are_found() {
    let another = planted(|_, mut response| {
        response.headers_mut().insert("x-a", http::HeaderValue::from_static("2"));
        response
    });
    assert!(!another.await.is_empty());
    let one_more = planted(|_, mut response| {
        response.headers_mut().append("x-a", http::HeaderValue::from_static("1"));
        response
    });
    assert!(!one_more.await.is_empty());
}

#[tokio::test]
async fn one_byte_more_of_a_body_is_found() {
    let unlike = planted(|_, response| response.map(|_| Body::from("GET 00")));
    assert!(!unlike.await.is_empty());
}

#[test]
fn a_seed_and_a_number_make_one_request() {
    for number in 0..1000 {
        assert_eq!(request(7, number).1, request(7, number).1);
    }
    let differs = (0..1000).filter(|&number| request(7, number).1 != request(8, number).1).count();
    assert!(differs > 900, "{differs}");
}

#[tokio::test]
async fn no_difference_hides_another_status() {
    let answer = |status: u16| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: Default::default(),
        body: Default::default(),
    };
    for (ours, theirs) in [(200, 201), (200, 404), (404, 200), (400, 404), (500, 404), (404, 405)] {
        for case in [get("/"), get("/items/7"), get("/pages?page=1"), case(Method::POST, "/json", "{}").json()] {
            let (mut ours, mut theirs) = (answer(ours), answer(theirs));
            settle(&case, &mut ours, &mut theirs, allowed());
            assert_ne!(ours, theirs, "{case:?}");
        }
    }
}

#[test]
fn the_list_names_every_difference_and_its_test() {
    let list = include_str!("../../docs/differences.md");
    let last_cells = list
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.trim_matches('|').split('|').next_back());
    let listed: BTreeSet<_> = last_cells.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`')).collect();
    let tests = include_str!("choices.rs").split("#[tokio::test]\nasync fn ").skip(1);
    let tests = tests.map(|test| test.split('(').next().unwrap_or_default());
    let shown: BTreeSet<_> = allowed().map(|difference| difference.name).chain(tests).collect();
    assert_eq!(listed, shown);
}
