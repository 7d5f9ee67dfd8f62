//! What a document says of a handler: nothing, as none is made without the feature `openapi`.

/// Nothing.
#[derive(Clone, Copy, Debug)]
pub struct Documented;

impl Documented {
    /// Nothing was told.
    pub(super) const NONE: Self = Self;
}

/// The `Declaration` as it is.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe {
    ($declaration:expr, $($told:tt)*) => {
        $declaration
    };
}
