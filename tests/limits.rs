//! Limits: what exceeds them is refused with a status that says so, on the side that sets them, and costs nobody else.

mod support;

use std::error::Error;

use http::{Request, Response, StatusCode};
use slotbus::Body;
use slotbus::error::{ReplyError, WireError};
use slotbus::hub::{CallError, Hub, SlotState};
use support::{Worker, bytes, get_request, name, service};

/// A request that asks for an answer with so many headers.
fn wanting(headers: usize) -> Request<Body> {
    get_request(&format!("/{headers}"))
}

/// A request with so many headers of its own.
fn with_headers(headers: usize) -> Request<Body> {
    let mut request = get_request("/0");
    for i in 0..headers {
        request.headers_mut().append(http::HeaderName::try_from(format!("x-{i}")).unwrap(), "1".parse().unwrap());
    }
    request
}

/// Answers with as many headers as the path says.
fn generous()
-> impl tower::Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service(|request: Request<Body>| async move {
        let count: usize = request.uri().path()[1..].parse().unwrap();
        let mut response = Response::new(Body::empty());
        for i in 0..count {
            response.headers_mut().append(http::HeaderName::try_from(format!("x-{i}")).unwrap(), "1".parse().unwrap());
        }
        response
    })
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(bytes(response).await.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_sends_no_request_and_takes_no_response_with_more_headers_than_its_limit() {
    let name = name();
    let hub = Hub::builder(&name).header_limit(8).create().unwrap();
    let worker = Worker::start(&name, generous());
    let error = hub.call(with_headers(9)).await.unwrap_err();
    assert!(matches!(error, CallError::Wire(WireError::TooManyHeaders { count: 9.., limit: 8 })), "{error:?}");
    assert_eq!(error.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let error = hub.call(wanting(9)).await.unwrap_err();
    assert!(matches!(error, CallError::Reply(ReplyError::TooManyHeaders { count: 9.., limit: 8 })), "{error:?}");
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(hub.call(with_headers(7)).await.unwrap().status(), 200);
    assert_eq!(hub.call(wanting(7)).await.unwrap().status(), 200);
    assert!(hub.slots().iter().all(|&slot| slot == SlotState::Free));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_answers_431_to_too_many_headers_and_500_for_too_many_of_its_own() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::with(&name, generous(), |serve| serve.header_limit(8));
    let response = hub.call(with_headers(9)).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(text(response).await.contains("headers exceed the limit of 8"));
    let response = hub.call(wanting(9)).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem = text(response).await;
    assert!(problem.contains("the response was refused") && problem.contains("exceed the limit of 8"), "{problem}");
    assert_eq!(hub.call(wanting(7)).await.unwrap().headers().len(), 7);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_256_headers_unless_both_sides_say_otherwise() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, generous());
    assert_eq!(hub.call(with_headers(255)).await.unwrap().status(), 200);
    assert_eq!(hub.call(wanting(255)).await.unwrap().status(), 200);
    let error = hub.call(with_headers(257)).await.unwrap_err();
    assert!(error.to_string().ends_with("headers exceed the limit of 256"), "{error}");
    assert_eq!(hub.call(wanting(257)).await.unwrap().status(), 500);
    worker.stop().await;
    let other = self::name();
    // Beyond what a map of headers can hold there is no limit to be had.
    let hub = Hub::builder(&other).header_limit(usize::MAX).create().unwrap();
    let worker = Worker::with(&other, generous(), |serve| serve.header_limit(usize::MAX));
    assert_eq!(hub.call(with_headers(5000)).await.unwrap().status(), 200);
    assert_eq!(hub.call(wanting(5000)).await.unwrap().headers().len(), 5000);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_whose_bodies_exceed_the_overflow_limit_together_fail_with_507_and_others_do_not() {
    const BODY: usize = 200_000;
    /// What an object for such a body takes.
    const OBJECT: u64 = (BODY as u64).next_multiple_of(4096);
    let name = name();
    let hub = Hub::builder(&name).overflow_limit(4 * OBJECT + 1).create().unwrap();
    let long = || Request::post("/0").body(Body::from(vec![7; BODY])).unwrap();
    let calls: Vec<_> = (0..32).map(|_| tokio::spawn(hub.call(long()))).collect();
    let ready = |hub: &Hub| hub.slots().iter().filter(|&&slot| slot == SlotState::Ready).count();
    while calls.iter().filter(|call| call.is_finished()).count() < 28 || ready(&hub) < 4 {
        tokio::task::yield_now().await;
    }
    let entries = std::fs::read_dir("/dev/shm").unwrap().map(Result::unwrap);
    let bodies = entries.filter(|entry| entry.file_name().to_str().unwrap().contains(&format!("{name}-req-")));
    assert_eq!(bodies.map(|body| body.metadata().unwrap().len()).sum::<u64>(), 4 * OBJECT);
    let worker = Worker::start(&name, generous());
    let mut refused = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(response) => assert_eq!(response.status(), 200),
            Err(error) => {
                assert!(matches!(error, CallError::NoRoom(_)) && error.status() == 507, "{error:?}");
                let cause = error.source().and_then(Error::source).unwrap().to_string();
                assert!(cause.contains("would exceed the overflow limit of 802817 bytes"), "{cause}");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 28);
    assert_eq!(hub.call(long()).await.unwrap().status(), 200, "what was taken is given back");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_kept_for_later_bodies_leave_room_for_others() {
    let name = name();
    let hub = Hub::builder(&name).overflow_limit(1 << 20).create().unwrap();
    let send = |len: usize| tokio::spawn(hub.call(Request::post("/0").body(Body::from(vec![7; len])).unwrap()));
    let calls = [(); 4].map(|()| send(200_000));
    while hub.slots().iter().filter(|&&slot| slot == SlotState::Ready).count() < 4 {
        tokio::task::yield_now().await;
    }
    let worker = Worker::start(&name, generous());
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(send(900_000).await.unwrap().unwrap().status(), 200, "nothing is in flight any more");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_were_read_leave_room_for_others() {
    let name = name();
    let hub = Hub::builder(&name).slots(2).create().unwrap();
    let send = |len: usize| tokio::spawn(hub.call(Request::post("/").body(Body::from(vec![7; len])).unwrap()));
    // Both slots are used; the later request uses one of them again.
    let calls = [(); 2].map(|()| send(400_000));
    while hub.slots() != [SlotState::Ready; 2] {
        tokio::task::yield_now().await;
    }
    let echo = service(|request: Request<Body>| async move { Response::new(request.into_body()) });
    let worker = Worker::with(&name, echo, |serve| serve.overflow_limit(1 << 20));
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(send(900_000).await.unwrap().unwrap().status(), 200, "nothing is in flight any more");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_exceeds_the_overflow_limit_is_replaced_by_507() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let echo = service(|request: Request<Body>| async move { Response::new(request.into_body()) });
    let worker = Worker::with(&name, echo, |serve| serve.overflow_limit(300_000));
    let send = |len: usize| hub.call(Request::post("/").body(Body::from(vec![7; len])).unwrap());
    for _ in 0..3 {
        let response = send(400_000).await.unwrap();
        assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert!(text(response).await.contains("a body of 400000 bytes found no overflow object"));
        assert_eq!(bytes(send(290_000).await.unwrap()).await.len(), 290_000);
    }
    worker.stop().await;
}
