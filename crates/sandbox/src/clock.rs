//! Where the sandbox gets its time from. Everything a provider does by date asks this clock, never the system's, so
//! that a test can let a day pass.
//!
//! Not here: the SIP timers, which follow the sockets and so the machine's own clock.

use std::{future::Future, pin::Pin, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A source of time that can also be waited on.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Completes once `now()` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // In steps: a laptop that slept, or a clock that was set, is noticed within a minute.
            loop {
                let left = Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(60))).await;
            }
        })
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct SetClock(watch::Sender<Timestamp>);

impl SetClock {
    /// A clock standing at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(watch::channel(now).0)
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = later(*now, by));
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // The sender lives in `self`, so waiting cannot fail.
            let _ = self.0.subscribe().wait_for(|now| *now >= at).await;
        })
    }
}

/// `at` plus `by`, or the end of time.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// `at` minus `by`, or the beginning of time.
pub(crate) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
