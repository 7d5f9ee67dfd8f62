//! JSON, both ways.

use axum_core::{
    extract::{FromRequest, OptionalFromRequest, Request, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use super::{FieldError, Reason, Rejection, content_type_is, deref, field};
use crate::{
    http::{Refuser, take_body, whole_body},
    response::{BodyWriter, Problem, typed},
};

/// JSON: as an argument the body of the request, as a result the body of the answer.
///
/// As an argument it asks for the content type `application/json` (or `application/…+json`) and reads up to axum-core's
/// [`DefaultBodyLimit`](super::DefaultBodyLimit). `Option<Json<T>>` is none for a request without a content type.
///
/// As a result, a value that cannot be serialised is answered 500 and logged.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use slotbus::Json;
///
/// #[derive(Serialize, Deserialize)]
/// struct Point { x: f64, y: f64 }
///
/// #[slotbus::handler(POST, "/mirror")]
/// async fn mirror(Json(point): Json<Point>) -> Json<Point> {
///     Json(Point { x: -point.x, y: point.y })
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Json<T>(pub T);

deref!(Json);

/// Why a request holds no such JSON.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The content type is another one, or none. Answered 415.
    #[error("the content type is not application/json")]
    ContentType,
    /// The body cannot be read: too long (413) or broken off (400).
    #[error("{}", .0.detail())]
    Body(#[source] BytesRejection),
    /// The body is not JSON. Answered 400.
    #[error("the body is not json: {0}")]
    Syntax(#[source] serde_json::Error),
    /// The body is JSON, but not a `T`. Answered 422.
    #[error("the json is not as expected: {0}")]
    Data(#[source] FieldError),
}

/// What [`Json`] is refused with.
pub type JsonRejection = Rejection<JsonError>;

impl Reason for JsonError {
    fn status(&self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(rejection) => rejection.status(),
            Self::Syntax(_) => StatusCode::BAD_REQUEST,
            Self::Data(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl JsonError {
    /// Why `body` is no `T`, of which serde has said `error`.
    fn of<T: DeserializeOwned>(body: &[u8], error: serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => Self::Data(field::of_json::<T>(body, error)),
            Category::Syntax | Category::Eof | Category::Io => Self::Syntax(error),
        }
    }
}

impl<T: DeserializeOwned> Json<T> {
    /// That of a request whose body is there and such JSON; any other request is left as it was.
    pub(crate) fn take(request: &mut Request) -> Option<Self> {
        if !content_type_is(request.headers(), "application", "json", true) {
            return None;
        }
        let body = take_body(request)?;
        serde_json::from_slice(&body).inspect_err(|_| *request.body_mut() = body.into()).ok().map(Self)
    }
}

impl<S, T> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = JsonRejection;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let refuser = Refuser::of_reader(&mut request);
        if !content_type_is(request.headers(), "application", "json", true) {
            return Err(Rejection::by(refuser, JsonError::ContentType));
        }
        let value = match whole_body(request).await {
            Ok(body) => serde_json::from_slice(&body).map_err(|error| JsonError::of::<T>(&body, error)),
            Err(rejection) => Err(JsonError::Body(rejection)),
        };
        value.map(Self).map_err(|reason| Rejection::by(refuser, reason))
    }
}

impl<S, T> OptionalFromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = JsonRejection;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Self::Rejection> {
        if !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

/// Bytes that most answers fit into.
const USUAL_LEN: usize = 128;

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut body = BodyWriter::with_capacity(USUAL_LEN);
        match serde_json::to_writer(&mut body, &self.0) {
            Ok(()) => typed(HeaderValue::from_static("application/json"), body.into()),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a response cannot be serialised as json");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
        }
    }
}
