//! How slots are named in messages.

use std::fmt;

use crate::hub::SlotState;

/// Slots in their order, equal neighbours together: `claimed, ready, 30 × free`.
pub(super) struct Runs<'a>(pub(super) &'a [SlotState]);

impl fmt::Display for Runs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, run) in self.0.chunk_by(PartialEq::eq).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match run {
                [one] => write!(f, "{comma}{one}")?,
                run => write!(f, "{comma}{} × {}", run.len(), run[0])?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Runs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}
