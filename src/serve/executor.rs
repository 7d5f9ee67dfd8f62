//! Any `futures::task::Spawn` as an executor.

use futures::task::{FutureObj, Spawn};

use crate::worker::{ContextGuard, Executor, Task};

pub(super) struct SpawnExecutor<E>(pub(super) E);

impl<E: Spawn + Send + Sync + 'static> Executor for SpawnExecutor<E> {
    fn spawn(&self, task: Task) {
        // A task that is refused is dropped, and its request answered 500.
        if let Err(error) = self.0.spawn_obj(FutureObj::new(task)) {
            tracing::error!("the executor refused a request: {error}");
        }
    }

    fn enter(&self) -> Box<dyn ContextGuard + '_> {
        Box::new(())
    }
}
