//! What was lost lately, and how long it is worth waiting for what later packets repeat of it.

use std::collections::VecDeque;

/// Share of loss from which lost packets are worth waiting for what is repeated of them, and share from which they aren't
/// any more: each change of mind costs a stretch of the sound.
const WORTH: f64 = 0.01;
const WORTH_NO_MORE: f64 = 0.003;
/// Bursts of losses remembered.
const BURSTS: usize = 40;
/// Packets for which the longest reach is held: ten seconds.
const REACH_KEPT: u32 = 500;

/// Losses of the packets given out. Lengths are in units of the clock.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Smoothed.
    share: f64,
    worth: bool,
    /// How many packets were lost in a row, each of the latest times.
    bursts: VecDeque<u32>,
    /// How far into the past packets reach with what they repeat of it; the most of late.
    reach: u32,
    /// Packets since one reached so far.
    since_reach: u32,
}

impl Losses {
    /// A packet arrived that repeats so much of the past before it.
    pub(super) fn note_reach(&mut self, ticks: u32) {
        self.since_reach = self.since_reach.saturating_add(1);
        // Pauses of speech repeat less: the delay must not follow each of them.
        if ticks >= self.reach || self.since_reach > REACH_KEPT {
            self.reach = ticks;
            self.since_reach = 0;
        }
    }

    /// A packet is given out, `lost` ones before it were not.
    pub(super) fn note(&mut self, lost: i64) {
        let lost = u16::try_from(lost.max(0)).unwrap_or(u16::MAX);
        self.share = self.share * 0.99_f64.powi(i32::from(lost) + 1) + 1.0 - 0.99_f64.powi(i32::from(lost));
        self.worth = self.share > if self.worth { WORTH_NO_MORE } else { WORTH };
        if lost > 0 {
            if self.bursts.len() == BURSTS {
                self.bursts.pop_front();
            }
            self.bursts.push_back(u32::from(lost));
        }
    }

    pub(super) fn reach(&self) -> u32 {
        self.reach
    }

    /// How much delay makes most losses good, if any does: what most bursts last, as far as the past is repeated.
    pub(super) fn worth_waiting(&self, packet_ticks: u32) -> Option<u32> {
        if self.reach == 0 || !self.worth {
            return None;
        }
        let mut bursts: Vec<u32> = self.bursts.iter().copied().collect();
        bursts.sort_unstable();
        let most = bursts.get(bursts.len() * 4 / 5).copied().unwrap_or(1);
        Some(packet_ticks.saturating_mul(most).min(self.reach.max(packet_ticks)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(reach: u32, lost: &[i64]) -> Option<u32> {
        let mut losses = Losses::default();
        losses.note_reach(reach);
        lost.iter().cycle().take(lost.len() * 40).for_each(|lost| losses.note(*lost));
        losses.worth_waiting(160)
    }

    #[test]
    fn nothing_is_waited_for_that_does_not_come() {
        assert_eq!(wait(0, &[0, 0, 1]), None, "nothing repeated");
        assert_eq!(wait(160, &[0]), None, "nothing lost");
        assert_eq!(wait(160, &[0, 0, 1]), Some(160), "a copy is a packet away");
        assert_eq!(wait(160, &[0, 0, 4]), Some(160), "and no further");
    }

    #[test]
    fn most_bursts_are_waited_for_as_far_as_they_are_described() {
        assert_eq!(wait(1_280, &[0, 0, 1]), Some(160), "single losses");
        assert_eq!(wait(1_280, &[0, 1, 0, 4, 0, 4, 0, 5, 0, 5]), Some(800));
        assert_eq!(wait(1_280, &[0, 0, 0, 30]), Some(1_280));
    }

    #[test]
    fn few_losses_do_not_change_the_mind_again_and_again() {
        let mut losses = Losses::default();
        losses.note_reach(160);
        let mut changes = 0;
        for packet in 0..5_000 {
            let before = losses.worth_waiting(160).is_some();
            // Just over and just under what is worth it: one in a hundred.
            losses.note(i64::from(packet % 100 == 0));
            changes += i32::from(losses.worth_waiting(160).is_some() != before);
        }
        assert_eq!(changes, 1);
        (0..200).for_each(|_| losses.note(0));
        assert_eq!(losses.worth_waiting(160), None);
    }

    #[test]
    fn a_pause_of_speech_keeps_the_reach() {
        let mut losses = Losses::default();
        losses.note_reach(1_280);
        (0..400).for_each(|_| losses.note_reach(160));
        assert_eq!(losses.reach(), 1_280);
        (0..200).for_each(|_| losses.note_reach(160));
        assert_eq!(losses.reach(), 160);
    }
}
