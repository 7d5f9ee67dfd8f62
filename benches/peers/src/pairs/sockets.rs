//! axum behind a socket, called over HTTP/1.1 with hyper: connections are kept, one for each call in flight.

use std::path::PathBuf;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::ours::length;
use crate::drive::{Caller, LIMIT, Sample, drive_tasks, runtime};
use crate::load::{HELLO, Pace};
use crate::process::{Servers, Setup};

/// The kind of socket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Unix,
    Tcp,
}

/// Where a server listens. The port of a TCP socket is the system's choice; the server writes it down.
fn socket(setup: &Setup) -> PathBuf {
    setup.place.folder().join("socket")
}

#[tokio::main]
pub(super) async fn serve(transport: Transport, setup: &Setup) {
    let app = axum::Router::new().route("/hello", get(|| async { HELLO }));
    let app = app.route("/echo", post(|body: Bytes| async { body })).layer(DefaultBodyLimit::disable());
    let path = socket(setup);
    let ended = match transport {
        Transport::Unix => axum::serve(UnixListener::bind(path).expect("the path is free"), app).await,
        Transport::Tcp => {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let port = listener.local_addr().expect("it is bound").port();
            // Renamed when it is whole.
            let draft = path.with_extension("draft");
            std::fs::write(&draft, port.to_string()).expect("the folder is there");
            std::fs::rename(draft, path).expect("the folder is there");
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            axum::serve(listener, app).await
        }
    };
    ended.expect("the server runs until it is killed");
}

pub(super) fn measure(transport: Transport, setup: &Setup, pace: Pace, length: Duration) -> Sample {
    let servers = Servers::start(setup, 1);
    let caller = |_| Connection {
        transport,
        path: socket(setup),
        sender: None,
        request: setup.load.request(),
        answer_len: setup.load.answer_len(),
    };
    let callers = (0..setup.in_flight).map(caller).collect();
    runtime().block_on(drive_tasks(callers, pace, length, &servers)).0
}

struct Connection {
    transport: Transport,
    path: PathBuf,
    /// None before the first call, and after one that was lost.
    sender: Option<SendRequest<Full<Bytes>>>,
    request: Request<Full<Bytes>>,
    answer_len: usize,
}

impl Connection {
    async fn connect(&self) -> Option<SendRequest<Full<Bytes>>> {
        match self.transport {
            Transport::Unix => {
                let (sender, rest) = handshake(TokioIo::new(UnixStream::connect(&self.path).await.ok()?)).await.ok()?;
                tokio::spawn(rest);
                Some(sender)
            }
            Transport::Tcp => {
                let port: u16 = std::fs::read_to_string(&self.path).ok()?.parse().ok()?;
                let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
                stream.set_nodelay(true).ok()?;
                let (sender, rest) = handshake(TokioIo::new(stream)).await.ok()?;
                tokio::spawn(rest);
                Some(sender)
            }
        }
    }

    async fn exchange(&mut self) -> Option<()> {
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await.ok()?;
        let response = sender.send_request(self.request.clone()).await.ok()?;
        let is_right = response.status() == StatusCode::OK && length(response.into_body()).await? == self.answer_len;
        self.sender = Some(sender);
        is_right.then_some(())
    }
}

impl Caller for Connection {
    async fn call(&mut self) -> bool {
        matches!(tokio::time::timeout(LIMIT, self.exchange()).await, Ok(Some(())))
    }
}
