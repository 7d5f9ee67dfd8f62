//! Signals to end: a command that is a hub takes its bus away first, and one that draws gives the terminal back.

use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::thread;

use futures::FutureExt;
use futures::future::{Either, select};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// As a shell calls the end by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Hears SIGINT and SIGTERM from when it is made.
pub(crate) struct Signals {
    runtime: Runtime,
    signal: Pin<Box<dyn Future<Output = ()>>>,
    has_come: bool,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let mut signals = Self { runtime, signal: Box::pin(slotbus::shutdown_signal()), has_come: false };
        // Polled once, the signal is heard from then on.
        signals.has_come();
        Ok(signals)
    }

    /// Whether it is time to end.
    pub(crate) fn has_come(&mut self) -> bool {
        let Self { runtime, signal, has_come } = self;
        // It resolves once.
        *has_come = *has_come
            || runtime.block_on(async {
                // Behind it the runtime has looked for signals.
                tokio::task::yield_now().await;
                signal.as_mut().now_or_never().is_some()
            });
        *has_come
    }

    /// Runs `work` on a thread of its own. At a signal `stop` is called, by which the work is to end; at the next one the process
    /// ends, behind a second call of `stop`. What the work resulted in, and whether it was told to.
    pub(crate) fn run<T: Send>(self, work: impl FnOnce() -> T + Send, stop: impl Fn()) -> (T, bool) {
        let Self { runtime, mut signal, has_come } = self;
        thread::scope(|scope| {
            let (working, mut ended) = oneshot::channel::<()>();
            let thread = scope.spawn(move || {
                let _working = working;
                work()
            });
            let was_told = runtime.block_on(async {
                if !has_come && matches!(select(&mut ended, signal.as_mut()).await, Either::Left(_)) {
                    return false;
                }
                signal = Box::pin(slotbus::shutdown_signal());
                stop();
                if let Either::Right(_) = select(&mut ended, signal.as_mut()).await {
                    stop();
                    std::process::exit(INTERRUPTED.into());
                }
                true
            });
            (thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), was_told)
        })
    }
}

/// How a command ends that was told to before it was done.
pub(crate) fn interrupted() -> ExitCode {
    ExitCode::from(INTERRUPTED)
}
