//! A service behind a bus, and one behind a TCP listener.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use slotbus::Body;
use slotbus::body::BoxError;
use slotbus::testing::TestBus;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tower::Service;

use super::answer::Answer;
use super::case::Case;

/// Two services, or one twice.
pub(crate) struct Pair {
    bus: TestBus,
    server: JoinHandle<()>,
    address: SocketAddr,
    /// Connections that wait for their next request.
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl Pair {
    /// Serves `on_bus` on a bus and `over_tcp` on 127.0.0.1.
    pub(crate) async fn start<S, R, E>(on_bus: S, over_tcp: axum::Router) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>, Error = E> + Clone + Send + 'static,
        S::Future: Send,
        E: Into<BoxError>,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let bus = TestBus::start(on_bus).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async { axum::serve(listener, over_tcp).await.unwrap() });
        Self { bus, server, address, idle: Mutex::default() }
    }

    /// Both answers to `case`, the one of the bus first.
    pub(crate) async fn ask(&self, case: &Case) -> (Answer, Answer) {
        let ours = self.over_bus(case).await.unwrap_or_else(|error| panic!("{case:?}\nover the bus: {error}"));
        let theirs = self.over_tcp(case).await.unwrap_or_else(|error| panic!("{case:?}\nover tcp: {error}"));
        (ours, theirs)
    }

    /// The answer over the bus.
    pub(crate) async fn over_bus(&self, case: &Case) -> Result<Answer, BoxError> {
        Ok(Answer::of(self.bus.hub().call(case.request()).await?).await?)
    }

    /// The answer over TCP, on a connection that was used before if there is one.
    pub(crate) async fn over_tcp(&self, case: &Case) -> Result<Answer, BoxError> {
        if let Some(connection) = self.used_before().await
            && let Ok(answer) = self.over(connection, case).await
        {
            return Ok(answer);
        }
        // A server that does not read a body to its end closes the connection, and its answer may be lost with it.
        for _ in 0..4 {
            if let Ok(answer) = self.over(self.connect().await?, case).await {
                return Ok(answer);
            }
        }
        self.over(self.connect().await?, case).await
    }

    async fn over(&self, mut connection: SendRequest<Body>, case: &Case) -> Result<Answer, BoxError> {
        let answer = Answer::of(connection.send_request(case.request()).await?).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    /// What is sent behind the body of the answer over the bus.
    pub(crate) async fn trailers_over_bus(&self, case: &Case) -> Result<Option<HeaderMap>, BoxError> {
        Ok(self.bus.hub().call(case.request()).await?.collect().await?.trailers().cloned())
    }

    /// What is sent behind the body of the answer over TCP.
    pub(crate) async fn trailers_over_tcp(&self, case: &Case) -> Result<Option<HeaderMap>, BoxError> {
        let mut connection = self.connect().await?;
        Ok(connection.send_request(case.request()).await?.collect().await?.trailers().cloned())
    }

    async fn used_before(&self) -> Option<SendRequest<Body>> {
        loop {
            let mut connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Body>, BoxError> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(connection)
    }

    pub(crate) async fn stop(self) {
        self.bus.stop().await;
        self.server.abort();
    }
}
