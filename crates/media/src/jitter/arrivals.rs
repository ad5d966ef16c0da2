//! How late packets arrive against their timestamps, and the delay that follows from it.
//!
//! The invariant: the target is an offset between the clock of timestamps and ours at which no more than
//! [`LATE_SHARE`] of the latest [`WINDOW`] packets would have come too late; the lowest one, unless a little more
//! saves packets too ([`WORTH`]). Nothing is modelled; the window is the distribution. A sender whose clock
//! drifts moves the whole window with it.

use std::collections::VecDeque;

/// Packets remembered: ten seconds of the usual 20 ms packets.
const WINDOW: usize = 500;
/// Share of packets that may come too late; under 1 % with room for what the window doesn't know yet.
const LATE_SHARE: f64 = 0.006;
/// Delay worth one packet of the window that comes in time for it, seconds.
const WORTH: f64 = 0.010;
/// Packets after which the window is trusted; before, a start of [`FIRST_GUESS`] is assumed.
const TRUSTED: usize = 50;
/// Delay over the fastest packet while little is known, seconds: what the threads of two computers at work need.
const FIRST_GUESS: f64 = 0.010;
/// Kept over the quantile for the unevenness of the own threads, seconds.
const SLACK: f64 = 0.004;

/// The latest transit times. A transit time is arrival minus timestamp, both in seconds from origins of their
/// own: only differences mean something.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    transits: VecDeque<f64>,
    scratch: Vec<f64>,
    fastest: f64,
    target: f64,
}

impl Arrivals {
    /// Notes a packet. `redundancy` is the packet time in seconds when lost packets are regained from the one
    /// that follows, which has to be waited for. `longest` bounds the delay over the fastest packet.
    pub(super) fn note(&mut self, transit: f64, redundancy: Option<f64>, longest: f64) {
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(transit);
        self.scratch.clear();
        self.scratch.extend(&self.transits);
        self.fastest = self.scratch.iter().copied().fold(f64::INFINITY, f64::min);
        let mut delay = self.bargain() - self.fastest;
        if let Some(packet_time) = redundancy {
            delay = delay.max(self.exceeded_by_share(0.1) - self.fastest + packet_time);
        }
        if self.transits.len() < TRUSTED {
            delay = delay.max(FIRST_GUESS);
        }
        self.target = self.fastest + (delay + SLACK).min(longest);
    }

    /// The offset to play at: a sample of timestamp `t` is due at `t + target`.
    pub(super) fn target(&self) -> f64 {
        self.target
    }

    /// The smallest offset in the window: that of a packet which nothing held up.
    pub(super) fn fastest(&self) -> f64 {
        self.fastest
    }

    /// Whether nothing came since the timestamps began.
    pub(super) fn is_empty(&self) -> bool {
        self.transits.is_empty()
    }

    /// The timestamps began anew.
    pub(super) fn clear(&mut self) {
        self.transits.clear();
    }

    /// The transit at which waiting longer costs more than the packets it would save.
    fn bargain(&mut self) -> f64 {
        let allowed = (self.scratch.len() as f64 * LATE_SHARE) as usize;
        let first = self.scratch.len().saturating_sub(1 + allowed);
        if self.scratch.is_empty() {
            return 0.0;
        }
        let (_, exceeded, later) = self.scratch.select_nth_unstable_by(first, f64::total_cmp);
        later.sort_unstable_by(f64::total_cmp);
        let transits = later.iter().rev().chain([&*exceeded]).copied();
        let costs = transits.enumerate().map(|(late, transit)| (transit + late as f64 * WORTH, transit));
        costs.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, transit)| transit)
    }

    /// The transit that `share` of the packets exceed.
    fn exceeded_by_share(&mut self, share: f64) -> f64 {
        self.exceeded_by((self.scratch.len() as f64 * share) as usize)
    }

    fn exceeded_by(&mut self, exceeding: usize) -> f64 {
        let index = self.scratch.len().saturating_sub(1 + exceeding);
        if self.scratch.is_empty() {
            return 0.0;
        }
        *self.scratch.select_nth_unstable_by(index, f64::total_cmp).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(transits: impl Iterator<Item = f64>, redundancy: Option<f64>) -> f64 {
        let mut arrivals = Arrivals::default();
        transits.for_each(|t| arrivals.note(t, redundancy, 0.4));
        ((arrivals.target() - arrivals.fastest() - SLACK) * 1e6).round() / 1e6
    }

    #[test]
    fn the_target_is_the_quantile_of_what_arrived() {
        let even = |n: usize| (0..n).map(|i| (i % 100) as f64 / 1_000.0 + 7.0);
        assert_eq!(target_of(std::iter::repeat_n(3.0, 500), None), 0.0, "no jitter, no delay");
        assert_eq!(target_of(std::iter::repeat_n(3.0, 10), None), FIRST_GUESS);
        assert_eq!(
            target_of(even(500), None),
            0.099,
            "1 in 100 at each step: 5 of 500 at the top is too many"
        );
        let outliers = |n| (0..500).map(move |i| if i % 100 == 7 && i / 100 < n { 0.3 } else { 0.0 });
        assert_eq!(target_of(outliers(3), None), 0.0, "3 of 500 are let go");
        assert_eq!(target_of(outliers(4), None), 0.3);
        let small = (0..500).map(|i| if i == 70 { 0.008 } else { 0.0 });
        assert_eq!(target_of(small, None), 0.008, "a little delay is worth a packet");
        assert_eq!(
            target_of((0..500).map(|i| if i < 250 { 2.0 } else { 0.0 }), None),
            0.4 - SLACK,
            "bounded"
        );
    }

    #[test]
    fn redundancy_is_waited_for() {
        assert_eq!(target_of(std::iter::repeat_n(3.0, 500), Some(0.02)), 0.02);
        // A packet time behind nine of ten: that each lost packet's copy comes in time is not worth more.
        let even = (0..500).map(|i| (i % 100) as f64 / 1_000.0);
        assert_eq!(target_of(even, Some(0.02)), 0.089 + 0.02);
    }

    #[test]
    fn old_packets_are_forgotten() {
        let calm_after_storm = (0..1_000).map(|i| if i < 500 { (i % 50) as f64 / 500.0 } else { 0.0 });
        assert_eq!(target_of(calm_after_storm, None), 0.0);
    }
}
