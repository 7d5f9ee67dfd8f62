//! What the framework refuses: a problem, and the error behind it, as layers and a router's mapping see it.

use std::{error::Error, fmt, sync::Arc};

use axum_core::response::{IntoResponse, Response};
use http::{Extensions, StatusCode};

use super::Problem;
use crate::{body::BoxError, protocol::RequestId};

/// That a request was refused, and why: a [`Problem`], and the error behind it where there is one.
///
/// Whatever a [`Router`](crate::Router) answers in a handler's place is one: an argument that cannot be made, 404, 405, an
/// error of a layer. As a response it is its problem. It travels among the extensions of the response, also when
/// [`Router::map_rejection`](crate::Router::map_rejection) says it in other words, so layers further out can tell a refusal
/// from an answer:
///
/// ```
/// use slotbus::{extract::JsonError, response::{Refusal, Response}};
///
/// fn is_broken_json(response: &Response) -> bool {
///     let refusal = Refusal::of(response.extensions());
///     matches!(refusal.and_then(Refusal::reason), Some(JsonError::Syntax(_)))
/// }
/// ```
///
/// A problem that a handler returns is an answer like any other, and no refusal. An extractor or a layer of one's own refuses
/// by a [`Rejection`](crate::extract::Rejection::new).
#[derive(Clone)]
pub struct Refusal(Arc<Told>);

struct Told {
    problem: Problem,
    error: Option<BoxError>,
}

impl Refusal {
    /// Refuses with a problem.
    pub(crate) fn new(problem: Problem) -> Self {
        Self(Arc::new(Told { problem, error: None }))
    }

    /// Refuses with a problem that has an error behind it, which the client is not told.
    pub(crate) fn because(problem: Problem, error: impl Into<BoxError>) -> Self {
        Self(Arc::new(Told { problem, error: Some(error.into()) }))
    }

    /// The refusal of the response with these extensions; none when it is an answer.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.problem.status
    }

    /// What the client is told of it: nothing that is the program's own affair.
    pub fn detail(&self) -> Option<&str> {
        self.0.problem.detail.as_deref()
    }

    /// The request it is about; none when that did not come through a bus.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.problem.request_id.as_ref()
    }

    /// How it is answered unless a mapping says otherwise.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// What is behind it: the reason of a [`Rejection`](crate::extract::Rejection), or the error of a layer. None for 404 and
    /// 405.
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.0.error.as_deref()
    }

    /// The error behind it, if it is an `E`: [`JsonError`](crate::extract::JsonError), a layer's `Elapsed`.
    pub fn reason<E: Error + 'static>(&self) -> Option<&E> {
        self.error().and_then(|error| error.downcast_ref())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem().clone().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { problem, error } = &*self.0;
        f.debug_struct("Refusal").field("problem", problem).field("error", error).finish()
    }
}
