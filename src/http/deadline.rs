//! Until when an answer is waited for.

use std::time::{Duration, Instant};

use http::Extensions;

use super::context::CallContext;
use crate::protocol::Caller;

/// Until when the caller waits for the answer. A handler that is not done by then is dropped and answered 504.
///
/// A hub of this crate tells it with every request, by CLOCK_MONOTONIC, which is the same for all processes of a machine unless
/// somebody gives them time namespaces of their own; behind a published hub there is none. Put into the extensions of a
/// request, it shortens what the hub's [time-out](crate::hub::HubBuilder::timeout) allows that one call; so a handler that calls on
/// passes its own on.
///
/// ```
/// # use slotbus::{Deadline, handler};
/// #[handler(GET, "/search")]
/// async fn search(deadline: Option<Deadline>) -> String {
///     format!("{:?} left", deadline.map(Deadline::remaining))
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// That of an answer that may take so long from now; nothing is too long.
    pub fn after(duration: Duration) -> Self {
        let now = Instant::now();
        // The standard library names no last moment. A hundred years are as good as one.
        Self(now.checked_add(duration).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 24 * 60 * 60)))
    }

    /// The time from now on; zero when it is over.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The deadline of the request with these extensions: the sooner of what its hub told and what somebody put there. For layers; a
    /// handler takes it as an argument.
    #[inline]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        let told = CallContext::caller_in(extensions).and_then(Caller::deadline).map(Self);
        let put = extensions.get().copied();
        told.into_iter().chain(put).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_after_any_duration_is_so_far_away_or_a_hundred_years() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert!((day / 2..=day).contains(&Deadline::after(day).remaining()));
        assert!(Deadline::after(Duration::MAX).remaining() > Duration::from_secs(1 << 31));
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), Duration::ZERO);
    }
}
