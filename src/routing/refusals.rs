//! How a router answers what it refuses.

use axum_core::response::IntoResponse;

use super::{
    endpoint::{Endpoint, Route},
    paths::{Inner, PathEntry},
    router::Router,
};
use crate::{
    http::{RefusalMap, RefusedRequest},
    response::Refusal,
};

impl<S> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// Answers in other words what is refused in a handler's place: another error schema, other languages, fewer details.
    ///
    /// That is every [`Refusal`]: a [rejection](crate::extract::Rejection) of an extractor of this crate, `Bytes` or `String`,
    /// 404, 405, and an error of a layer, as a time-out. The function gets what would be answered with the error behind it,
    /// and what is kept of the request; it must not block.
    ///
    /// - It holds for all of the router, whether added before or after. Asked for twice, the last one counts.
    /// - A router that is nested or merged and has a mapping of its own keeps it for its handlers, its layers and its
    ///   fallback; one that has none takes the outer one's. A path below its prefix that it does not know is refused by the
    ///   outer router.
    /// - It happens where the request is refused, so all layers further out see, trace and compress what the mapping answered,
    ///   and find the [`Refusal`] among its extensions. A 405 that lacks `Allow` gets it (RFC 9110, section 15.5.6).
    ///
    /// Not refusals, and so left alone: whatever a handler answers, also a [`Problem`](crate::response::Problem) or a
    /// rejection it took as a `Result` and turned into something else; rejections of extractors from elsewhere, such as
    /// `axum::Json`, which are plain text; answers that a layer makes by itself, as the time-out of tower-http does; and
    /// what is answered outside the router, as a panic (500), an error of a layer around the router, or a request that breaks a
    /// limit of the [bus](crate::Serve::message_limit).
    ///
    /// An answer that is no refusal costs no memory for this.
    ///
    /// ```
    /// use slotbus::{Json, Router, extract::JsonError};
    ///
    /// #[derive(serde::Serialize)]
    /// struct ApiError { code: u16, message: String }
    ///
    /// let app: Router = Router::new().map_rejection(|refusal, request| {
    ///     let message = match (refusal.reason(), request.accept_language()) {
    ///         (Some(JsonError::Data(_)), Some("de")) => "Das passt nicht.".to_owned(),
    ///         _ => refusal.detail().unwrap_or("refused").to_owned(),
    ///     };
    ///     (refusal.status(), Json(ApiError { code: refusal.status().as_u16(), message }))
    /// });
    /// ```
    pub fn map_rejection<F, R>(self, map: F) -> Self
    where
        F: Fn(&Refusal, &RefusedRequest) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        let mut inner = self.into_inner();
        inner.refusals = Some(RefusalMap::new(move |refusal, request| map(refusal, request).into_response()));
        inner.into()
    }
}

impl<S> Inner<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// The router as it becomes a part of another one: what it has of its own stays with its endpoints.
    pub(super) fn into_part(mut self) -> Self {
        let Some(map) = self.refusals.take() else { return self };
        let keep = |endpoint: &mut Endpoint<S>| *endpoint = endpoint.clone().refusing(&map);
        let Self { paths, tree: _, fallback, not_allowed, nested, refusals: _, table: _ } = &mut self;
        for PathEntry { pattern: _, methods, not_allowed } in paths {
            methods.iter_mut().for_each(|(_, endpoint)| keep(endpoint));
            keep(&mut not_allowed.endpoint);
        }
        keep(&mut not_allowed.endpoint);
        nested.iter_mut().for_each(|(_, endpoint)| keep(endpoint));
        keep(&mut fallback.endpoint);
        self
    }
}

impl Route {
    /// The same, with refusals answered by `map`.
    pub(super) fn refusing(self, map: RefusalMap) -> Self {
        Self::new(move |request| {
            map.note(request.extensions_mut());
            self.answer(request)
        })
    }
}
