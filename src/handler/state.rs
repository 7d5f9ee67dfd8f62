//! State as the handlers of a router share it.

use std::{mem, ops::Deref, sync::Arc};

/// State that every request takes a handle of.
///
/// State that owns nothing (`()`, numbers, a `&'static`) is copied, so that pumps do not fight over a reference count;
/// any other is shared, so that a request costs one count however large the state is.
#[derive(Debug)]
pub enum Shared<S> {
    /// Copied.
    Value(S),
    /// Shared.
    Counted(Arc<S>),
}

impl<S> Shared<S> {
    /// Chooses by whether dropping `S` does anything.
    pub fn new(state: S) -> Self {
        if mem::needs_drop::<S>() { Self::Counted(Arc::new(state)) } else { Self::Value(state) }
    }
}

impl<S: Clone> Clone for Shared<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Value(state) => Self::Value(state.clone()),
            Self::Counted(state) => Self::Counted(Arc::clone(state)),
        }
    }
}

impl<S> Deref for Shared<S> {
    type Target = S;

    fn deref(&self) -> &S {
        match self {
            Self::Value(state) => state,
            Self::Counted(state) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_state_that_owns_something_is_counted() {
        assert!(matches!(Shared::new(7u32), Shared::Value(7)));
        assert!(matches!(Shared::new(String::new()), Shared::Counted(_)));
    }
}
