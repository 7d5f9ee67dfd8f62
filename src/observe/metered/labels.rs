//! Labels that others choose, as who registers with a gateway does: so many, and no more.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ::metrics::SharedString;

/// What all are called that come too late.
const OTHER: &str = "other";

/// The first values that come are labels, each as it is. A recorder forgets none, so they have a number.
#[derive(Debug)]
pub(super) struct Labels {
    most: usize,
    known: Mutex<HashSet<SharedString>>,
}

impl Labels {
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: Mutex::default() }
    }

    /// The label for `value`.
    pub(super) fn label(&self, value: &str) -> SharedString {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(label) = known.get(value) {
            return label.clone();
        }
        if known.len() >= self.most {
            return OTHER.into();
        }
        let label = SharedString::from(value.to_owned());
        known.insert(label.clone());
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_are_labels_and_all_others_are_one() {
        let labels = Labels::new(2);
        let shown = ["/a", "/b", "/c", "/a", "/d", "/b"].map(|value| labels.label(value).to_string());
        assert_eq!(shown, ["/a", "/b", OTHER, "/a", OTHER, "/b"]);
    }
}
