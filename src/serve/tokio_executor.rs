//! The tokio runtime as an executor.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::worker::{ContextGuard, Executor, Task};

pub(super) struct TokioExecutor(Handle);

impl TokioExecutor {
    /// The runtime the caller runs on, if it does.
    pub(super) fn current() -> Option<Self> {
        Handle::try_current().ok().map(Self)
    }
}

impl Executor for TokioExecutor {
    fn spawn(&self, task: Task) {
        // The task answers its request itself, also when the runtime drops it.
        drop(self.0.spawn(task));
    }

    fn enter(&self) -> Box<dyn ContextGuard + '_> {
        Box::new(self.0.enter())
    }
}

/// Another executor, behind first polls within a runtime.
pub(super) struct InRuntime {
    executor: Arc<dyn Executor>,
    runtime: Handle,
}

impl InRuntime {
    /// In the runtime that the caller runs on, if it does.
    pub(super) fn current(executor: Arc<dyn Executor>) -> Arc<dyn Executor> {
        match Handle::try_current() {
            Ok(runtime) => Arc::new(Self { executor, runtime }),
            Err(_) => executor,
        }
    }
}

impl Executor for InRuntime {
    fn spawn(&self, task: Task) {
        self.executor.spawn(task);
    }

    fn enter(&self) -> Box<dyn ContextGuard + '_> {
        Box::new((self.executor.enter(), self.runtime.enter()))
    }
}
