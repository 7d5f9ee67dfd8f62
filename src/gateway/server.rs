//! The listener and its connections.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::select;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::tasks::Owner;
use super::{Inner, connection};

/// How long to wait when the system has no descriptor for another connection.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `signal` resolves, then answers what is in hand. `tasks` are those that connections leave behind.
pub(super) async fn serve(listener: TcpListener, gateway: Arc<Inner>, tasks: Owner, signal: impl Future<Output = ()>) {
    let (close, closing) = watch::channel(false);
    let mut connections = JoinSet::new();
    {
        let accepting = accept(&listener, &gateway, &closing, &mut connections);
        let looking_after = async {
            loop {
                tokio::time::sleep(gateway.options.pings).await;
                gateway.registry.look_after().await;
                gateway.audience.follow(&gateway);
            }
        };
        let (accepting, looking_after) = (pin!(accepting), pin!(looking_after));
        select(pin!(signal), select(accepting, looking_after)).await;
    }
    // New connections are refused from here on.
    drop(listener);
    gateway.streams.close();
    close.send_replace(true);
    let draining = async {
        while connections.join_next().await.is_some() {}
        tasks.ended().await;
    };
    if tokio::time::timeout(gateway.options.drain, draining).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were in hand for too long and are given up");
    }
    connections.shutdown().await;
    tasks.end().await;
    gateway.registry.close().await;
}

/// Accepts connections, as many as there may be.
async fn accept(
    listener: &TcpListener,
    gateway: &Arc<Inner>,
    closing: &watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) -> Infallible {
    let places = Arc::new(Semaphore::new(gateway.options.connections.min(Semaphore::MAX_PERMITS)));
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
        let connection = connection::serve(Arc::clone(gateway), stream, peer, closing.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
}
