//! Waiting for what must become true, never for a time.

use std::time::{Duration, Instant};

/// Long enough for anything that should happen at once, on a machine that is busy with other things.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Looks again and again until there is something to see, and fails with `what` when there is nothing in time.
pub(crate) async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    const BETWEEN: Duration = Duration::from_millis(100);
    let deadline = Instant::now() + within;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "within {} s: {what}", within.as_secs());
        tokio::time::sleep(BETWEEN).await;
    }
}
