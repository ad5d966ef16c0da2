//! When the next SMS may leave: the provider's limits kept on this side, so that they are never run into.
//!
//! Everything is a pure function of the limits and of what has left, by the provider's clock. Windows are lengths of
//! time, not hours of a wall clock: no change to summer time makes one longer or shorter.

use jiff::{SignedDuration, Timestamp};
use tern_provider::types::{LimitScope, LimitWindow, SendLimits};

use crate::record::Sent;

/// How many SMS may leave in which time, and which are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How many.
    pub(crate) limits: SendLimits,
    /// What the time is.
    pub(crate) window: LimitWindow,
    /// Whose.
    pub(crate) scope: LimitScope,
}

impl Pace {
    /// The first moment from `now` on at which one more may leave from `number`, after all of `left`, oldest first.
    pub(crate) fn next(&self, now: Timestamp, number: &str, left: &[Sent]) -> Timestamp {
        // What is dated later is so by a clock that was set back since: it left now at the latest.
        let times: Vec<Timestamp> = left
            .iter()
            .filter(|sent| self.scope == LimitScope::Account || sent.number == number)
            .map(|sent| sent.at)
            .collect();
        self.after(now, &times)
    }

    /// When each of a queue leaves, one after another, after all of `left`.
    pub(crate) fn schedule<'a>(
        &self,
        now: Timestamp,
        queue: impl Iterator<Item = &'a str>,
        left: &[Sent],
    ) -> Vec<Timestamp> {
        let mut left = left.to_vec();
        let mut at = now;
        let mut times = Vec::new();
        for number in queue {
            at = self.next(at, number, &left).max(at);
            left.push(Sent { at, number: number.to_owned() });
            times.push(at);
        }
        times
    }

    fn after(&self, now: Timestamp, times: &[Timestamp]) -> Timestamp {
        let SendLimits { per_second, per_hour, per_day } = self.limits;
        let limits = [(86_400, per_day), (3_600, per_hour), (1, per_second)];
        let mut at = now;
        // A later moment for one limit may be in a full window of another.
        for _ in 0..limits.len() {
            let before = at;
            for (seconds, limit) in limits {
                // Where nothing at all may be sent, the provider says so.
                if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|l| *l > 0) {
                    at = self.free(at, SignedDuration::from_secs(seconds), limit, times, now);
                }
            }
            if at == before {
                break;
            }
        }
        at
    }

    /// The first moment from `at` on whose window has room.
    fn free(
        &self,
        at: Timestamp,
        length: SignedDuration,
        limit: usize,
        times: &[Timestamp],
        now: Timestamp,
    ) -> Timestamp {
        match self.window {
            LimitWindow::Rolling => {
                // Once the oldest of the last so many has left the window.
                let oldest = times.len().checked_sub(limit).and_then(|index| times.get(index));
                oldest.map_or(at, |oldest| at.max(later((*oldest).min(now), length)))
            }
            LimitWindow::Calendar => {
                let into =
                    at.as_microsecond().rem_euclid(i64::try_from(length.as_micros()).unwrap_or(1).max(1));
                let begin = later(at, SignedDuration::from_micros(into.saturating_neg()));
                let count = times.iter().filter(|time| (**time).min(now) >= begin).count();
                if count < limit { at } else { later(begin, length) }
            }
        }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests;
