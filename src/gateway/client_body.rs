//! A client's body: no longer than it may be, and no slower.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

/// What may be wrong with a client's body.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyFault {
    #[error("the body exceeds the limit of {0} bytes")]
    TooLong(usize),
    #[error("no byte of the body came for {0:?}")]
    Slow(Duration),
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}

pin_project! {
    /// A client's body. It fails when it is longer than the limit, or when nothing of it comes for too long.
    pub(super) struct ClientBody {
        #[pin]
        body: Incoming,
        read: usize,
        limit: usize,
        patience: Duration,
        // From the first time that it was waited for.
        #[pin]
        waiting: Option<Sleep>,
    }
}

impl ClientBody {
    pub(super) fn new(body: Incoming, limit: usize, patience: Duration) -> Self {
        Self { body, read: 0, limit, patience, waiting: None }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let mut this = self.project();
        let Poll::Ready(frame) = this.body.poll_frame(cx) else {
            if this.waiting.is_none() {
                this.waiting.set(Some(sleep(*this.patience)));
            }
            let waiting = this.waiting.as_mut().as_pin_mut().expect("it was set");
            ready!(waiting.poll(cx));
            return Poll::Ready(Some(Err(BodyFault::Slow(*this.patience))));
        };
        if let Some(waiting) = this.waiting.as_mut().as_pin_mut() {
            waiting.reset(Instant::now() + *this.patience);
        }
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                *this.read += frame.data_ref().map_or(0, Bytes::len);
                Some(if *this.read > *this.limit { Err(BodyFault::TooLong(*this.limit)) } else { Ok(frame) })
            }
            Some(Err(error)) => Some(Err(BodyFault::Broken(error))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
