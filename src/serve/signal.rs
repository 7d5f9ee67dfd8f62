//! When the system asks a worker to end.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT (Ctrl-C): what a worker's [graceful shutdown] usually waits for.
///
/// From the call on neither ends the process by itself, whether the future is polled yet or not: a worker that is told to end while
/// it starts has not lost its first requests.
///
/// [graceful shutdown]: crate::Serve::with_graceful_shutdown
///
/// # Panics
/// When it is called outside a tokio runtime, and when the process can install no signal handler.
pub fn shutdown_signal() -> impl Future<Output = ()> + Send + Sync + 'static {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM can be installed");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler for SIGINT can be installed");
    async move {
        std::future::poll_fn(|cx| match terminate.poll_recv(cx) {
            std::task::Poll::Pending => interrupt.poll_recv(cx),
            ready => ready,
        })
        .await;
    }
}
