//! In which lots samples are fetched: a packet is needed up to so long before it sounds.

use std::collections::VecDeque;

/// Lots remembered.
const KEPT: usize = 100;
/// One of so many may be longer: a thread that woke late fetches much at once and then no more.
const LONGER: usize = 25;

/// The latest lots.
#[derive(Debug, Default)]
pub(super) struct Lots {
    latest: VecDeque<f64>,
    scratch: Vec<f64>,
    usual: f64,
}

impl Lots {
    /// So many seconds are fetched at once.
    pub(super) fn note(&mut self, seconds: f64) {
        if self.latest.len() == KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(seconds);
        self.scratch.clear();
        self.scratch.extend(&self.latest);
        let index = self.scratch.len().saturating_sub(1 + self.scratch.len() / LONGER);
        self.usual = *self.scratch.select_nth_unstable_by(index, f64::total_cmp).1;
    }

    /// What almost none of them exceeds, seconds.
    pub(super) fn usual(&self) -> f64 {
        self.usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(lots: impl IntoIterator<Item = f64>) -> f64 {
        let mut all = Lots::default();
        lots.into_iter().for_each(|lot| all.note(lot));
        all.usual()
    }

    #[test]
    fn what_was_fetched_after_a_long_sleep_is_no_lot() {
        assert_eq!(usual([]), 0.0);
        assert_eq!(usual([0.02]), 0.02, "the first is as good as any");
        assert_eq!(usual((0..200).map(|i| if i % 50 == 7 { 0.1 } else { 0.004 })), 0.004);
        assert_eq!(usual((0..200).map(|i| if i % 10 == 7 { 0.015 } else { 0.004 })), 0.015);
        assert_eq!(usual((0..300).map(|i| if i < 150 { 0.02 } else { 0.005 })), 0.005, "forgotten");
    }
}
