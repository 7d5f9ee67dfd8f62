//! When the system asks a worker to end.

use std::task::Poll;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT (Ctrl-C): what a worker's [graceful shutdown] usually waits for.
///
/// From the call on neither ends the process by itself, whether the future is polled yet or not: a worker that is told to end while
/// it starts has not lost its first requests. Called outside a tokio runtime, that holds from the first poll on.
///
/// [graceful shutdown]: crate::Serve::with_graceful_shutdown
///
/// # Panics
/// When it is polled outside a tokio runtime, and when the process can install no signal handler.
pub fn shutdown_signal() -> impl Future<Output = ()> + Send + Sync + 'static {
    let listening = Handle::try_current().is_ok().then(listen);
    async move {
        let [mut terminate, mut interrupt] = listening.unwrap_or_else(listen);
        std::future::poll_fn(|cx| match terminate.poll_recv(cx) {
            Poll::Pending => interrupt.poll_recv(cx),
            ready => ready,
        })
        .await;
    }
}

fn listen() -> [Signal; 2] {
    let install =
        |kind, name| signal(kind).unwrap_or_else(|error| panic!("no handler for {name} can be installed: {error}"));
    [install(SignalKind::terminate(), "SIGTERM"), install(SignalKind::interrupt(), "SIGINT")]
}
