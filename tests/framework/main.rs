//! The framework as its user sees it, without a bus: requests go straight to the router.
#![cfg(all(feature = "macros", feature = "tokio"))]

mod extractors;
mod handlers;
mod layers;
mod options;
mod routing;
mod start;

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use slotbus::{Body, Router};
use tower::ServiceExt as _;

/// An answer with its body read.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    #[track_caller]
    fn assert(&self, status: u16, body: &str) {
        assert_eq!((self.status.as_u16(), self.body.as_str()), (status, body));
    }

    /// Checks that this is a problem of that status, and returns its detail.
    #[track_caller]
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap());
        problem["detail"].as_str().unwrap_or_default().to_owned()
    }
}

async fn send(app: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn call(app: &Router, method: Method, path: &str) -> Answer {
    send(app, Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
}

async fn get(app: &Router, path: &str) -> Answer {
    call(app, Method::GET, path).await
}

async fn post(app: &Router, path: &str, content_type: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", content_type);
    send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// What a panic of `f` says.
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map(drop).expect_err("it should panic");
    panic.downcast_ref::<String>().cloned().or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned())).unwrap()
}
