//! Tasks that are waited for at the end: a channel that nothing is sent through, and that closes with the last of them.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

/// Who has begun what, and when all of it has ended.
#[derive(Debug)]
pub(super) struct Tasks(Mutex<Option<mpsc::Sender<()>>>, tokio::sync::Mutex<mpsc::Receiver<()>>);

/// A task that has not ended. `None` is one that nobody waits for.
#[derive(Debug)]
pub(super) struct Task(
    #[allow(dead_code, reason = "dropped, it says that the task has ended")] Option<mpsc::Sender<()>>,
);

impl Tasks {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        Self(Mutex::new(Some(sender)), tokio::sync::Mutex::new(receiver))
    }

    /// A task begins.
    pub(super) fn begin(&self) -> Task {
        Task(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Resolves when all tasks that have begun have ended. Later ones are not waited for.
    pub(super) async fn ended(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = self.1.lock().await.recv().await;
    }
}
