//! A client's body, taken in before its request is in hand: who sends slowly keeps nobody else from the workers.

use axum_core::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{Request, StatusCode, header};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;

use super::Inner;
use super::client_body::{BodyFault, ClientBody};
use super::refused::Refused;
use crate::http::Deadline;
use crate::protocol::Segments;

/// A request whose body is there.
pub(super) struct Received {
    pub(super) request: Request<Body>,
    /// Until when it is to be answered, if its body had to be waited for.
    pub(super) deadline: Option<Deadline>,
}

/// Takes a request's body in, if it has one.
pub(super) async fn receive(gateway: &Inner, request: Request<Incoming>) -> Result<Received, Refused> {
    if request.body().is_end_stream() {
        return Ok(Received { request: request.map(|_| Body::empty()), deadline: None });
    }
    let options = &gateway.options;
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > options.body_limit as u64) {
        return Err((&BodyFault::TooLong(options.body_limit)).into());
    }
    // Whoever waits to be asked for it need not send it now.
    if gateway.places.available_permits() == 0 {
        return Err(too_many_requests());
    }
    let unavailable = |_| Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too many bodies are being received");
    let _place = gateway.uploads.try_acquire().map_err(unavailable)?;
    let deadline = Some(Deadline::after(options.timeout));
    let (parts, body) = request.into_parts();
    let body = collect(ClientBody::new(body, options.body_limit, options.patience));
    let late = |_| {
        let detail = format!("the body was not there within {:?}", options.timeout);
        Refused::new(StatusCode::REQUEST_TIMEOUT, detail)
    };
    let body = tokio::time::timeout(options.timeout, body).await.map_err(late)??;
    Ok(Received { request: Request::from_parts(parts, body), deadline })
}

/// What a request is told for which there is no place.
pub(super) fn too_many_requests() -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests are in hand")
}

/// All of a body; its trailers are dropped, which the bus does not carry.
async fn collect(body: ClientBody) -> Result<Body, Refused> {
    let mut body = std::pin::pin!(body);
    let mut pieces = Segments::default();
    while let Some(frame) = body.as_mut().frame().await {
        if let Ok(data) = frame.map_err(|fault| Refused::from(&fault))?.into_data() {
            pieces.push(data);
        }
    }
    Ok(match pieces.only() {
        Some(piece) => piece.clone().into(),
        None => {
            let frames = pieces.into_pieces().map(|piece: Bytes| Ok::<_, std::convert::Infallible>(Frame::data(piece)));
            Body::new(StreamBody::new(stream::iter(frames)))
        }
    })
}
