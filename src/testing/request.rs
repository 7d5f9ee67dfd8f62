//! A request of a test, from its first word to its answer.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request};
use serde::Serialize;
use tokio::task::JoinHandle;

use super::client::Transport;
use super::response::TestResponse;
use crate::body::Body;

/// The methods that start requests, for whoever has `fn start(&self, Request<Body>) -> TestRequest`.
macro_rules! request_methods {
    () => {
        /// Starts a request without a body. The target is a path, with its query if there is one: `/a/b?c=d`.
        ///
        /// # Panics
        /// When it is no such target.
        #[track_caller]
        pub fn request(&self, method: Method, target: &str) -> TestRequest {
            self.send($crate::testing::request::blank(method, target))
        }

        /// Starts a request that was built elsewhere.
        pub fn send(&self, request: Request<Body>) -> TestRequest {
            self.start_request(request)
        }

        /// Starts a GET.
        ///
        /// # Panics
        /// As [`request`](Self::request).
        #[track_caller]
        pub fn get(&self, target: &str) -> TestRequest {
            self.request(Method::GET, target)
        }

        /// Starts a POST.
        ///
        /// # Panics
        /// As [`request`](Self::request).
        #[track_caller]
        pub fn post(&self, target: &str) -> TestRequest {
            self.request(Method::POST, target)
        }

        /// Starts a PUT.
        ///
        /// # Panics
        /// As [`request`](Self::request).
        #[track_caller]
        pub fn put(&self, target: &str) -> TestRequest {
            self.request(Method::PUT, target)
        }

        /// Starts a PATCH.
        ///
        /// # Panics
        /// As [`request`](Self::request).
        #[track_caller]
        pub fn patch(&self, target: &str) -> TestRequest {
            self.request(Method::PATCH, target)
        }

        /// Starts a DELETE.
        ///
        /// # Panics
        /// As [`request`](Self::request).
        #[track_caller]
        pub fn delete(&self, target: &str) -> TestRequest {
            self.request(Method::DELETE, target)
        }

        /// Starts a POST with a JSON body.
        ///
        /// # Panics
        /// As [`request`](Self::request) and [`TestRequest::json`].
        #[track_caller]
        pub fn post_json<T: serde::Serialize + ?Sized>(&self, target: &str, value: &T) -> TestRequest {
            self.post(target).json(value)
        }

        /// Starts a POST with a form as its body.
        ///
        /// # Panics
        /// As [`request`](Self::request) and [`TestRequest::form`].
        #[track_caller]
        pub fn post_form<T: serde::Serialize + ?Sized>(&self, target: &str, value: &T) -> TestRequest {
            self.post(target).form(value)
        }
    };
}

pub(super) use request_methods;

/// A request without a body.
#[track_caller]
pub(super) fn blank(method: Method, target: &str) -> Request<Body> {
    match Request::builder().method(method).uri(target).body(Body::empty()) {
        Ok(request) if target.starts_with('/') || target == "*" => request,
        Ok(_) => panic!("{target:?} is no request target: it does not start with /"),
        Err(error) => panic!("{target:?} is no request target: {error}"),
    }
}

/// A request about to be sent; `.await` sends it and resolves to its [`TestResponse`]. Made by a
/// [`TestClient`](super::TestClient) or a [`TestBus`](super::TestBus).
#[must_use = "a request is sent when it is awaited"]
pub struct TestRequest {
    transport: Arc<dyn Transport>,
    request: Request<Body>,
}

impl TestRequest {
    pub(super) fn new(transport: Arc<dyn Transport>, request: Request<Body>) -> Self {
        Self { transport, request }
    }

    /// Adds a header, beside those of its name that are there.
    ///
    /// # Panics
    /// When HTTP forbids the name or the value.
    #[track_caller]
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Display>,
        V: TryInto<HeaderValue, Error: fmt::Display>,
    {
        // No closures: a panic inside one is not at the place of the caller.
        let name = match name.try_into() {
            Ok(name) => name,
            Err(error) => panic!("no name of a header: {error}"),
        };
        let value = match value.try_into() {
            Ok(value) => value,
            Err(error) => panic!("no value of header {name}: {error}"),
        };
        self.request.headers_mut().append(name, value);
        self
    }

    /// Sets the body, and no content type.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// Sets the body to `value` as JSON, and the content type to `application/json`.
    ///
    /// # Panics
    /// When `value` cannot be JSON, as a map whose keys are no strings.
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.typed("application/json", json),
            Err(error) => panic!("no JSON: {error}"),
        }
    }

    /// Sets the body to `value` as a form, and the content type to `application/x-www-form-urlencoded`.
    ///
    /// # Panics
    /// When `value` cannot be a form: it is to be a struct, a map or a list of pairs.
    #[track_caller]
    pub fn form<T: Serialize + ?Sized>(self, value: &T) -> Self {
        match serde_html_form::to_string(value) {
            Ok(form) => self.typed("application/x-www-form-urlencoded", form),
            Err(error) => panic!("no form: {error}"),
        }
    }

    /// Puts a value among the request's extensions. The wire carries no extensions, but a [`RequestId`](crate::RequestId), a
    /// [`Route`](crate::hub::Route) and a [`Deadline`](crate::Deadline) among them mean something to a hub.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.request.extensions_mut().insert(value);
        self
    }

    /// Sends the request from a task of its own, while the test goes on. Aborting the task gives the request up.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(self) -> JoinHandle<TestResponse> {
        tokio::spawn(self.into_future())
    }

    fn typed(mut self, content_type: &'static str, body: impl Into<Body>) -> Self {
        self.request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body(body)
    }
}

impl IntoFuture for TestRequest {
    type Output = TestResponse;
    type IntoFuture = TestResponseFuture;

    fn into_future(self) -> TestResponseFuture {
        let Self { transport, request } = self;
        let what = format!("{} {}", request.method(), request.uri());
        TestResponseFuture(Box::pin(async move { TestResponse::of(what, transport.send(request).await).await }))
    }
}

impl fmt::Debug for TestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport: _, request } = self;
        f.debug_tuple("TestRequest").field(request).finish()
    }
}

/// A [`TestRequest`] on its way. Dropped, it gives the request up.
#[must_use = "futures do nothing unless polled"]
pub struct TestResponseFuture(BoxFuture<'static, TestResponse>);

impl Future for TestResponseFuture {
    type Output = TestResponse;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TestResponse> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for TestResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestResponseFuture")
    }
}
