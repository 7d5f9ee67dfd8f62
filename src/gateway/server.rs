//! The listener and its connections.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::{Inner, front};

/// How often a silent connection of HTTP/2 is asked whether it is there.
const HTTP2_PING: Duration = Duration::from_secs(20);
/// How long to wait when the system has no descriptor for another connection.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `signal` resolves, then answers what is in hand.
pub(super) async fn serve(listener: TcpListener, gateway: Arc<Inner>, signal: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    {
        let accepting = accept(&listener, &gateway, &graceful, &mut connections);
        let looking_after = async {
            loop {
                tokio::time::sleep(gateway.options.pings).await;
                gateway.registry.look_after().await;
            }
        };
        let (accepting, looking_after) = (pin!(accepting), pin!(looking_after));
        select(pin!(signal), select(accepting, looking_after)).await;
    }
    // New connections are refused from here on.
    drop(listener);
    gateway.streams.close();
    let draining = async {
        graceful.shutdown().await;
        gateway.tasks.ended().await;
    };
    if tokio::time::timeout(gateway.options.drain, draining).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were in hand for too long and are given up");
    }
    connections.shutdown().await;
    gateway.registry.close().await;
}

/// Accepts connections, as many as there may be.
async fn accept(
    listener: &TcpListener,
    gateway: &Arc<Inner>,
    graceful: &GracefulShutdown,
    connections: &mut JoinSet<()>,
) -> Infallible {
    let places = Arc::new(Semaphore::new(gateway.options.connections));
    let server = server(gateway);
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let connection = connection(&server, gateway, graceful, stream, peer);
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
}

fn server(gateway: &Inner) -> auto::Builder<TokioExecutor> {
    let options = &gateway.options;
    let mut server = auto::Builder::new(TokioExecutor::new());
    // What is not much too large is refused by a problem; beyond that reading ends.
    let bytes = options.header_bytes.saturating_mul(2);
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.patience)
        .max_headers(options.headers.saturating_mul(2))
        .max_buf_size(bytes.max(8192));
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING)
        .max_header_list_size(u32::try_from(bytes).unwrap_or(u32::MAX));
    server
}

/// One connection, to its end.
fn connection(
    server: &auto::Builder<TokioExecutor>,
    gateway: &Arc<Inner>,
    graceful: &GracefulShutdown,
    stream: TcpStream,
    peer: SocketAddr,
) -> impl Future<Output = ()> + use<> {
    // Answers are written whole, so there is nothing to gather.
    let _ = stream.set_nodelay(true);
    let asked = Arc::new(Notify::new());
    let service = service_fn({
        let (gateway, asked) = (Arc::clone(gateway), Arc::clone(&asked));
        move |request| {
            asked.notify_one();
            let gateway = Arc::clone(&gateway);
            async move { Ok::<_, Infallible>(front::answer(gateway, peer, request).await) }
        }
    });
    let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    let patience = gateway.options.patience;
    async move {
        // Until it is known which HTTP is spoken, no time-out of hyper's applies.
        let silent = async {
            if tokio::time::timeout(patience, asked.notified()).await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        match select(pin!(connection), pin!(silent)).await {
            Either::Left((Err(error), _)) => tracing::debug!(%peer, error, "a connection failed"),
            Either::Left((Ok(()), _)) => {}
            Either::Right(((), _)) => tracing::debug!(%peer, "a connection asked for nothing"),
        }
    }
}
