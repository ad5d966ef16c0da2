//! How long to wait before trying again.

use std::time::Duration;

use rand::Rng;

/// Doubles with each failure, up to a limit, and varies by half so that many clients don't come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Begins at `first` and never waits longer than `longest`.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Counts a failure and tells how long to wait.
    pub(crate) fn fail(&mut self, random: &mut impl Rng) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.failures.min(20)).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.longest).mul_f64(random.random_range(0.5..=1.0))
    }

    /// Forgets the failures.
    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Whether the last try failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn waits_grow_to_the_limit_and_start_anew_after_success() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        let mut backoff = Backoff::new(first, longest);
        for n in 0..40_u32 {
            let full = first.saturating_mul(1 << n.min(10)).min(longest);
            let wait = backoff.fail(&mut random);
            assert!(wait >= full / 2 && wait <= full, "{n}: {wait:?}");
        }
        backoff.succeed();
        assert!(backoff.fail(&mut random) <= first);
    }

    #[test]
    fn two_who_fail_together_come_back_apart() {
        let wait = |seed| {
            let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            Backoff::new(Duration::from_secs(1), Duration::from_secs(60)).fail(&mut random)
        };
        assert_ne!(wait(1), wait(2));
    }
}
