//! What a document says of a handler: kept for `Router::openapi`.

use super::Declaration;
use crate::openapi::Signature;

/// What the attribute tells for a document alone.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// The documentation after its first line, or nothing.
    pub(crate) description: &'static str,
    /// Whether the function is `#[deprecated]`.
    pub(crate) deprecated: bool,
    /// What it takes and answers; none where nobody told.
    pub(crate) signature: Option<fn() -> Signature>,
}

impl Documented {
    /// Nothing was told.
    pub(super) const NONE: Self = Self { description: "", deprecated: false, signature: None };

    /// What the attribute tells.
    pub const fn new(description: &'static str, deprecated: bool, signature: fn() -> Signature) -> Self {
        Self { description, deprecated, signature: Some(signature) }
    }
}

impl Declaration {
    /// Sets what a document says of it besides.
    #[doc(hidden)]
    pub const fn documented(mut self, documented: Documented) -> Self {
        self.documented = documented;
        self
    }
}

/// A `Declaration` with the rest of its documentation, and with the types of the function.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe {
    ($declaration:expr, $description:literal, $deprecated:literal, ($($argument:ty),*) -> $answer:ty) => {
        $declaration.documented($crate::__private::Documented::new($description, $deprecated, || {
            #[allow(unused_imports)]
            use $crate::__private::openapi::{Answers as _, Splits as _, Takes as _};

            let (answer, failure, fallible) = (&&$crate::__private::openapi::Probe::<$answer>::new()).split();
            $crate::__private::openapi::Signature::new()
                $(.takes((&&&$crate::__private::openapi::Probe::<$argument>::new()).input()))*
                .answers((&&&answer).output(), (&&&failure).output(), fallible)
        }))
    };
}
