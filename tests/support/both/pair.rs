//! A service behind a bus, and one behind a TCP listener.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
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
        // A server that does not read a body to its end closes the connection: this answer may be lost with it, or the next one.
        for _ in 0..2 {
            if let Ok(answer) = self.once(case).await {
                return Ok(answer);
            }
        }
        self.once(case).await
    }

    async fn once(&self, case: &Case) -> Result<Answer, BoxError> {
        let mut connection = self.connection().await?;
        let answer = Answer::of(connection.send_request(case.request()).await?).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    async fn connection(&self) -> Result<SendRequest<Body>, BoxError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut connection) = idle else { break };
            if connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
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
