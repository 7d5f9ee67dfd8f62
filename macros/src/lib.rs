//! The `#[handler]` attribute of slotbus.
