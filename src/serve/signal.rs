//! When the system asks a worker to end.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT (Ctrl-C): what a worker's [graceful shutdown] usually waits for.
///
/// [graceful shutdown]: crate::Serve::with_graceful_shutdown
///
/// # Panics
/// Outside a tokio runtime, and when the process can install no signal handler.
pub async fn shutdown_signal() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM can be installed");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler for SIGINT can be installed");
    std::future::poll_fn(|cx| match terminate.poll_recv(cx) {
        std::task::Poll::Pending => interrupt.poll_recv(cx),
        ready => ready,
    })
    .await;
}
