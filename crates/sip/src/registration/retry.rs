//! When a flow that could not be formed is tried again (RFC 5626 4.5).

use crate::config::RetryTimes;
use crate::random::Random;
use std::time::Duration;

/// Whether another flow of the account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// The account can be reached: there is time.
    Stand,
    /// There is no other, or none stands.
    Failed,
}

/// The wait after that many failures in a row: a random part, at least half, of a bound that doubles with each.
pub(crate) fn wait(times: &RetryTimes, others: Others, failures: u32, random: &mut Random) -> Duration {
    let base = match others {
        Others::Stand => times.some_failed,
        Others::Failed => times.all_failed,
    };
    let doubled = base.saturating_mul(1u32.checked_shl(failures).unwrap_or(u32::MAX));
    random.jitter(doubled.min(times.longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_rfc_5626() {
        let times = RetryTimes::default();
        let mut random = Random::new([3; 32]);
        // "the first retry happens somewhere between 30 and 60 seconds after the failure of the first"; with 90 s as
        // base, 90 to 180; at last 15 to 30 minutes, however long it goes on.
        for (others, failures, upper) in [
            (Others::Failed, 1, 60),
            (Others::Failed, 3, 240),
            (Others::Stand, 1, 180),
            (Others::Failed, 20, 1800),
            (Others::Stand, 40, 1800),
        ] {
            let waits: Vec<u64> =
                (0..200).map(|_| wait(&times, others, failures, &mut random).as_secs()).collect();
            assert!(
                waits.iter().all(|w| (upper / 2..=upper).contains(w)),
                "{others:?} {failures}: {waits:?}"
            );
            let spread = waits.iter().max().unwrap() - waits.iter().min().unwrap();
            assert!(spread > upper / 3, "{others:?} {failures}: no jitter");
        }
    }
}
