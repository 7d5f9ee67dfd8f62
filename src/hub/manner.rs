//! How a caller waits that is not the first.

/// What a caller does while others of its hub wait awake already, or were woken and have not come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Its executor runs other tasks.
    Yield,
    /// It parks its thread for those that wait awake; the others are no matter of its thread.
    Park,
}
