//! Where the sandbox gets its time from. Everything a provider does by date asks this clock, never the system's, so
//! that a test can let a day pass.
//!
//! Not here: the SIP timers, which follow the sockets and so the machine's own clock.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

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

/// A clock that runs as another does, but can be set ahead: the provider's billing clock.
///
/// Invariant: it never goes back, as what has happened stands written with its time.
pub(crate) struct ShiftedClock {
    base: Arc<dyn Clock>,
    ahead: watch::Sender<SignedDuration>,
}

impl ShiftedClock {
    /// A clock that is `ahead` of `base`.
    pub(crate) fn over(base: Arc<dyn Clock>, ahead: SignedDuration) -> Self {
        Self { base, ahead: watch::channel(ahead).0 }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        shift(self.base.now(), *self.ahead.borrow())
    }

    /// How far it is ahead.
    pub(crate) fn ahead(&self) -> SignedDuration {
        *self.ahead.borrow()
    }

    /// Sets it to `to`; answers how far ahead it is then, or `None` when that would be back.
    pub(crate) fn set(&self, to: Timestamp) -> Option<SignedDuration> {
        let mut set = None;
        self.ahead.send_if_modified(|ahead| {
            let further = to.duration_since(shift(self.base.now(), *ahead));
            if further.is_negative() {
                return false;
            }
            *ahead = ahead.saturating_add(further);
            set = Some(*ahead);
            true
        });
        set
    }

    /// Completes once `now()` has reached `at`.
    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        let mut ahead = self.ahead.subscribe();
        loop {
            let by = *ahead.borrow_and_update();
            let there = shift(at, SignedDuration::ZERO.saturating_sub(by));
            tokio::select! {
                () = self.base.sleep_until(there) => return,
                // The sender lives in `self`.
                _ = ahead.changed() => {}
            }
        }
    }
}

fn shift(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_billing_clock_runs_on_and_can_be_set_ahead_never_back() {
        let base = Arc::new(SetClock::new("2026-05-20T12:00:00Z".parse().unwrap()));
        let clock = ShiftedClock::over(base.clone(), SignedDuration::ZERO);
        base.advance(Duration::from_secs(5));
        assert_eq!(clock.now().to_string(), "2026-05-20T12:00:05Z");
        let tomorrow: Timestamp = "2026-05-21T12:00:00Z".parse().unwrap();
        let ahead = clock.set(tomorrow).unwrap();
        assert_eq!((clock.now(), clock.ahead()), (tomorrow, ahead));
        assert_eq!(clock.set("2026-05-21T11:59:59Z".parse().unwrap()), None);
        base.advance(Duration::from_secs(60));
        assert_eq!(clock.now().to_string(), "2026-05-21T12:01:00Z");
        // Who waits is woken by either.
        let (at, later) = ("2026-05-21T13:00:00Z", "2026-05-21T14:00:00Z");
        tokio::join!(clock.sleep_until(at.parse().unwrap()), async { clock.set(at.parse().unwrap()) });
        tokio::join!(clock.sleep_until(later.parse().unwrap()), async {
            base.advance(Duration::from_secs(3600));
        });
    }
}
