//! A form: in the body, or in the query string of a GET.

use axum_core::extract::{FromRequest, OptionalFromRequest, Request, rejection::BytesRejection};
use http::{Method, StatusCode, header};
use serde::de::DeserializeOwned;

use super::{FieldError, Reason, Rejection, content_type_is, deref, field};
use crate::http::{Refuser, whole_body};

/// A form (`application/x-www-form-urlencoded`): the body of the request, or its query string if the method is GET or HEAD.
///
/// A body is read up to axum-core's [`DefaultBodyLimit`](super::DefaultBodyLimit). `Option<Form<T>>` is none for a GET or HEAD
/// without a query string, and for other methods without a content type.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Login { user: String }
///
/// #[slotbus::handler(POST, "/login")]
/// async fn login(slotbus::Form(login): slotbus::Form<Login>) -> String {
///     login.user
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Form<T>(pub T);

deref!(Form);

/// Why a request holds no such form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The content type is another one. Answered 415.
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    /// The body cannot be read: too long (413) or broken off (400).
    #[error("{}", .0.detail())]
    Body(#[source] BytesRejection),
    /// The query string does not hold a `T`. Answered 400.
    #[error("the query string is not as expected: {0}")]
    Query(#[source] FieldError),
    /// The body does not hold a `T`. Answered 422.
    #[error("the form is not as expected: {0}")]
    Data(#[source] FieldError),
}

/// What [`Form`] is refused with.
pub type FormRejection = Rejection<FormError>;

impl Reason for FormError {
    fn status(&self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(rejection) => rejection.status(),
            Self::Query(_) => StatusCode::BAD_REQUEST,
            Self::Data(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// Whether the form is in the query string.
fn is_in_query(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

impl<S, T> FromRequest<S> for Form<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = FormRejection;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let refuser = Refuser::of_reader(&mut request);
        let value = if is_in_query(&request) {
            field::parse(request.uri().query().unwrap_or_default().as_bytes()).map_err(FormError::Query)
        } else if !content_type_is(request.headers(), "application", "x-www-form-urlencoded", false) {
            Err(FormError::ContentType)
        } else {
            match whole_body(request).await {
                Ok(body) => field::parse(&body).map_err(FormError::Data),
                Err(rejection) => Err(FormError::Body(rejection)),
            }
        };
        value.map(Self).map_err(|reason| Rejection::by(refuser, reason))
    }
}

impl<S, T> OptionalFromRequest<S> for Form<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = FormRejection;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let there = if is_in_query(&request) {
            request.uri().query().is_some()
        } else {
            request.headers().contains_key(header::CONTENT_TYPE)
        };
        if there { <Self as FromRequest<S>>::from_request(request, state).await.map(Some) } else { Ok(None) }
    }
}
