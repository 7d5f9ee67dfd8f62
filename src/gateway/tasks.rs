//! Tasks that have an owner: it waits for them, and ends those that take too long.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::rt::Executor;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Where tasks are begun. They belong to the [`Owner`] that this came from, and none begins when that is gone.
#[derive(Clone, Debug)]
pub(super) struct Tasks(Arc<Mutex<Option<JoinSet<()>>>>);

/// Whose the tasks are: dropped, it ends all of them.
#[derive(Debug)]
pub(super) struct Owner(Tasks);

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a task; not when its owner is gone, nor outside of a runtime.
    pub(super) fn begin(&self, task: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else { return };
        if let Some(tasks) = &mut *self.lock() {
            while tasks.try_join_next().is_some() {}
            tasks.spawn_on(task, &runtime);
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.begin(task);
    }
}

impl Owner {
    pub(super) fn new() -> Self {
        Self(Tasks(Arc::new(Mutex::new(Some(JoinSet::new())))))
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.0
    }

    /// Resolves when no task is left.
    pub(super) async fn ended(&self) {
        poll_fn(|cx| {
            while let Some(tasks) = &mut *self.0.lock() {
                // One that has panicked has ended too, and the panic was printed.
                if std::task::ready!(tasks.poll_join_next(cx)).is_none() {
                    break;
                }
            }
            std::task::Poll::Ready(())
        })
        .await;
    }

    /// Ends all tasks, and resolves when they have.
    pub(super) async fn end(self) {
        let tasks = self.0.lock().take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let tasks = self.0.lock().take();
        drop(tasks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_are_waited_for_and_end_with_their_owner() {
        let owner = Owner::new();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let held = Arc::new(());
        let waits = Arc::clone(&held);
        owner.tasks().begin(async move {
            let _ = gone.await;
            drop(waits);
        });
        assert!(futures::poll!(std::pin::pin!(owner.ended())).is_pending());
        drop(go);
        owner.ended().await;
        assert_eq!(Arc::strong_count(&held), 1);
        let (tasks, kept) = (owner.tasks().clone(), Arc::clone(&held));
        tasks.begin(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        owner.end().await;
        assert_eq!(Arc::strong_count(&held), 1);
        let late = Arc::clone(&held);
        tasks.begin(async move { drop(late) });
        assert_eq!(Arc::strong_count(&held), 1, "it never begins");
    }
}
