//! How a caller waits that is not the first.

/// What a caller does while another of the hub waits awake already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Its executor runs other tasks.
    Yield,
    /// It parks its thread.
    Park,
}
