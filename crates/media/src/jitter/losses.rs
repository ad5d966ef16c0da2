//! What the network lost lately, and how long it is worth waiting for what later packets repeat of it.
//!
//! The invariant: a packet is lost when it has not come at the longest delay. One that was overtaken, or came too late for
//! the delay at hand, is not: more delay for what is repeated of it would only make more delay.

use std::collections::VecDeque;

use super::ON_THE_WAY;

/// Share of loss from which lost packets are worth waiting for what is repeated of them, and share from which they aren't
/// any more: each change of mind costs a stretch of the sound.
const WORTH: f64 = 0.01;
const WORTH_NO_MORE: f64 = 0.003;
/// Bursts of losses remembered.
const BURSTS: usize = 40;
/// Packets for which the longest reach is held: ten seconds.
const REACH_KEPT: u32 = 500;

/// A jump this far ahead is no loss but something else.
const JUMP: i64 = 1_000;

/// Losses of a source's packets. Lengths are in units of the clock.
#[derive(Debug, Default)]
pub(super) struct Losses {
    newest: Option<i64>,
    /// Bit n: the packet n behind the newest one came.
    came: u32,
    /// Lost in a row, of those whose fate is known.
    row: u32,
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

    /// A packet of this number came, in time or not.
    pub(super) fn note(&mut self, number: i64) {
        let ahead = self.newest.map_or(i64::MAX, |newest| number.saturating_sub(newest));
        if ahead > JUMP {
            // Nothing before the first packet was lost.
            (self.newest, self.came, self.row) = (Some(number), u32::MAX, 0);
            return;
        }
        for _ in 0..ahead.max(0) {
            self.settle(self.came >> (ON_THE_WAY - 1) & 1 == 1);
            self.came <<= 1;
        }
        self.newest = self.newest.max(Some(number));
        let behind = u32::try_from(ahead.min(0).unsigned_abs()).unwrap_or(u32::MAX);
        self.came |= 1_u32.checked_shl(behind).unwrap_or(0);
    }

    /// Numbers before and after don't compare.
    pub(super) fn sequence_restarted(&mut self) {
        self.newest = None;
    }

    /// The fate of the next packet is known.
    fn settle(&mut self, came: bool) {
        self.share = self.share * 0.99 + if came { 0.0 } else { 0.01 };
        self.worth = self.share > if self.worth { WORTH_NO_MORE } else { WORTH };
        if !came {
            self.row = self.row.saturating_add(1);
        } else if self.row > 0 {
            if self.bursts.len() == BURSTS {
                self.bursts.pop_front();
            }
            self.bursts.push_back(std::mem::take(&mut self.row));
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
        let mut number = 0;
        for lost in lost.iter().cycle().take(lost.len() * 40) {
            number += lost + 1;
            losses.note(number);
        }
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
        let one_long = [1, 1, 1, 1, 1, 1, 1, 1, 1, 6];
        assert_eq!(wait(1_280, &one_long), Some(160), "one of ten is not most");
    }

    #[test]
    fn bursts_of_long_ago_are_forgotten() {
        let mut losses = Losses::default();
        losses.note_reach(1_280);
        let mut number = 0;
        for burst in std::iter::repeat_n(6, 60).chain(std::iter::repeat_n(1, 60)) {
            (0..10).for_each(|n| losses.note(number + n));
            number += 10 + burst;
        }
        assert_eq!(losses.worth_waiting(160), Some(160));
    }

    #[test]
    fn few_losses_do_not_change_the_mind_again_and_again() {
        let mut losses = Losses::default();
        losses.note_reach(160);
        let mut changes = 0;
        for packet in 0..5_000 {
            let before = losses.worth_waiting(160).is_some();
            // Just over and just under what is worth it: one in a hundred.
            if packet % 100 != 50 {
                losses.note(packet);
            }
            changes += i32::from(losses.worth_waiting(160).is_some() != before);
        }
        assert_eq!(changes, 1);
        (5_000..5_200).for_each(|packet| losses.note(packet));
        assert_eq!(losses.worth_waiting(160), None);
    }

    #[test]
    fn what_is_overtaken_is_not_lost() {
        let mut losses = Losses::default();
        losses.note_reach(160);
        for packet in 0..5_000_i64 {
            // Every fifth comes seven packets later, and one in ten of the others before its neighbour.
            if packet % 5 != 3 {
                losses.note(if packet % 10 < 2 { packet ^ 1 } else { packet });
            }
            if packet >= 10 && packet % 5 == 0 {
                losses.note(packet - 7);
            }
            assert_eq!(losses.worth_waiting(160), None, "{packet}");
        }
        losses.note(7_000);
        (7_001..7_100).for_each(|packet| losses.note(packet));
        assert_eq!(losses.worth_waiting(160), None, "what begins elsewhere has lost nothing between");
        losses.note(i64::MAX);
        losses.note(i64::MIN);
        assert_eq!(losses.worth_waiting(160), None, "a jump is no loss");
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
