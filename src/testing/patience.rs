//! Waiting in tests: looks again and again, and ends with a sentence instead of never.

use std::time::{Duration, Instant};

/// How long a test waits for what should come at once. Nobody waits for it but a test that fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How often a test looks.
const PAUSE: Duration = Duration::from_millis(1);

/// Waits until `look` says yes; false when `patience` ended first.
pub(super) async fn until(patience: Duration, mut look: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if look() {
            return true;
        }
        if start.elapsed() >= patience {
            return false;
        }
        // On a thread for blocking, because a runtime may be without a clock, or with one that a test holds still.
        let _ = tokio::task::spawn_blocking(|| std::thread::sleep(PAUSE)).await;
    }
}
