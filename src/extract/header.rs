//! One header, typed.

use std::convert::Infallible;

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, IntoResponseParts, Response, ResponseParts},
};
use headers::HeaderMapExt as _;
use http::{HeaderMap, HeaderName, StatusCode, request::Parts};

use super::{Reason, Rejection, deref};

/// A header, typed by the [`headers`] crate: as an argument one of the request, as a part of a result one of the answer.
///
/// A header that is missing or malformed is answered 400. `Option<Header<T>>` is none for one that is missing; one that is
/// malformed is answered 400 all the same. Several headers of the name are given to the type together. Types that hold a
/// list may take a missing header for an empty one, which is then neither an error nor none.
///
/// ```
/// use slotbus::Header;
/// use slotbus::headers::{Authorization, CacheControl, ContentLength, authorization::Bearer};
///
/// #[slotbus::handler(POST, "/upload")]
/// async fn upload(
///     Header(Authorization(token)): Header<Authorization<Bearer>>,
///     length: Option<Header<ContentLength>>,
/// ) -> (Header<CacheControl>, String) {
///     let length = length.map(|Header(length)| length.0);
///     (Header(CacheControl::new().with_no_store()), format!("{} sends {length:?} bytes", token.token()))
/// }
/// ```
///
/// A type of one's own implements [`headers::Header`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Header<T>(pub T);

deref!(Header);

/// Why a request holds no such header. Answered 400.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// There is none of that name.
    #[error("the header `{0}` is missing")]
    Missing(HeaderName),
    /// Its value is not what the type takes.
    #[error("the header `{name}` is malformed")]
    Malformed {
        /// The header.
        name: HeaderName,
        /// What the type says, which is not much.
        source: headers::Error,
    },
}

/// What [`Header`] is refused with.
pub type HeaderRejection = Rejection<HeaderError>;

impl Reason for HeaderError {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

fn parse<T: headers::Header>(parts: &Parts) -> Result<Header<T>, HeaderError> {
    let name = T::name();
    Header::of(&parts.headers).map_err(|source| {
        if parts.headers.contains_key(name) {
            HeaderError::Malformed { name: name.clone(), source }
        } else {
            HeaderError::Missing(name.clone())
        }
    })
}

impl<T: headers::Header> Header<T> {
    fn of(headers: &HeaderMap) -> Result<Self, headers::Error> {
        T::decode(&mut headers.get_all(T::name()).iter()).map(Self)
    }

    /// That among these headers, if it is there and well-formed.
    pub(crate) fn find(headers: &HeaderMap) -> Option<Self> {
        Self::of(headers).ok()
    }
}

impl<S, T> FromRequestParts<S> for Header<T>
where
    T: headers::Header,
    S: Send + Sync,
{
    type Rejection = HeaderRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parse(parts).map_err(|reason| Rejection::new(reason, parts))
    }
}

impl<S, T> OptionalFromRequestParts<S> for Header<T>
where
    T: headers::Header,
    S: Send + Sync,
{
    type Rejection = HeaderRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        match parse(parts) {
            Ok(header) => Ok(Some(header)),
            Err(HeaderError::Missing(_)) => Ok(None),
            Err(reason) => Err(Rejection::new(reason, parts)),
        }
    }
}

impl<T: headers::Header> IntoResponseParts for Header<T> {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.headers_mut().typed_insert(self.0);
        Ok(parts)
    }
}

impl<T: headers::Header> IntoResponse for Header<T> {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}
