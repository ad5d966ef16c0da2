//! The delay at which packets really sounded lately, and what is to be done about it.
//!
//! Samples are fetched in lots, and a packet is needed when the lot is fetched in which it begins. So where in its lot it
//! begins is delay that buys nothing: without it the packet would be needed at the same moment. A little more delay, on
//! the other hand, may mean a lot's more time for it to come.

use std::collections::VecDeque;

/// Packets remembered: the delay is that of the one that sounded earliest.
const PACKETS: usize = 25;
/// Delay above the aim that is left alone, seconds. Every stretch alters the sound, and nobody hears so little
/// delay: it is wider than a pitch period, so what was put in is not taken out again, and than the first guess, so
/// a calm call is never stretched.
const SURPLUS: f64 = 0.016;
/// The same in a pause, where a cut is not heard. What was put in is more than this with what may lack.
const SPARE: f64 = 0.006;
/// Delay below the aim that is left alone, seconds: half of the aim's slack, or packets would be late before it is noticed.
const DEFICIT: f64 = 0.002;
/// Lots shorter than this are as if there were none, seconds.
const LEAST_LOT: f64 = 0.001;
/// A pitch period of most voices, seconds.
const PERIOD: f64 = 0.010;

/// What the delay asks for, in units of the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Correction {
    /// The delay is right.
    None,
    /// Leave out up to this much, but only of a pause.
    Trim(u32),
    /// Leave out up to this much.
    Shorten(u32),
    /// Put in up to this much.
    Lengthen(u32),
}

/// When packets sounded, in seconds.
#[derive(Debug, Default)]
pub(super) struct Sounding {
    /// The offsets at which their first samples did.
    offsets: VecDeque<f64>,
    /// How far into their lots they began, since anything was put in or left out.
    aheads: VecDeque<f64>,
}

impl Sounding {
    /// Notes a packet that was needed at an offset and began so far into its lot.
    pub(super) fn note(&mut self, needed: f64, ahead: f64) {
        push(&mut self.offsets, needed + ahead);
        push(&mut self.aheads, ahead);
    }

    /// All that follows comes so much later.
    pub(super) fn shift(&mut self, seconds: f64) {
        self.offsets.iter_mut().for_each(|offset| *offset += seconds);
        self.aheads.clear();
    }

    pub(super) fn clear(&mut self) {
        self.offsets.clear();
        self.aheads.clear();
    }

    /// The offset that holds at present, once anything sounded.
    pub(super) fn offset(&self) -> Option<f64> {
        self.offsets.iter().copied().reduce(f64::min)
    }

    /// What brings packets to be needed at `target` or soon after, when they are fetched in lots of so many seconds, for
    /// a clock of `rate` Hz.
    pub(super) fn correction(&self, target: f64, lot: f64, rate: f64) -> Correction {
        let Some(offset) = self.offset() else {
            return Correction::None;
        };
        let aheads = self.aheads.iter().copied();
        let least = aheads.clone().reduce(f64::min).unwrap_or(0.0);
        let most = aheads.reduce(f64::max).unwrap_or(0.0);
        let lot = lot.max(LEAST_LOT);
        let needed = offset - most;
        let ticks = |seconds: f64| (seconds * rate) as u32;
        if target - needed > DEFICIT {
            let lacking = ((target - needed) / lot).ceil() * lot - most;
            // A whole pitch period has to fit.
            return Correction::Lengthen(ticks(lacking.max(0.0) + PERIOD));
        }
        let lots = ((needed - target) / lot).floor().max(0.0);
        let surplus = least + lots * lot;
        if surplus > SURPLUS {
            Correction::Shorten(ticks(surplus))
        } else if surplus > SPARE {
            Correction::Trim(ticks(surplus))
        } else {
            Correction::None
        }
    }
}

fn push(to: &mut VecDeque<f64>, value: f64) {
    if to.len() == PACKETS {
        to.pop_front();
    }
    to.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_left_alone_and_much_is_not() {
        let correction = |offset: f64| {
            let mut sounding = Sounding::default();
            // One packet that sounded late tells nothing.
            sounding.note(9.0, 0.0);
            sounding.note(offset, 0.0);
            sounding.correction(1.0, 0.001, 8_000.0)
        };
        assert_eq!(Sounding::default().correction(1.0, 0.001, 8_000.0), Correction::None);
        assert_eq!(correction(1.0), Correction::None);
        assert_eq!(correction(1.005), Correction::None);
        assert_eq!(correction(1.010_1), Correction::Trim(80));
        assert_eq!(correction(1.062_1), Correction::Shorten(496));
        assert_eq!(correction(0.998_5), Correction::None);
        assert_eq!(correction(0.990_5), Correction::Lengthen(160));
    }

    #[test]
    fn where_in_its_lot_a_packet_begins_is_all_that_can_be_spared() {
        let correction = |needed: f64, aheads: &[f64]| {
            let mut sounding = Sounding::default();
            aheads.iter().for_each(|ahead| sounding.note(needed, *ahead));
            sounding.correction(1.0, 0.010, 8_000.0)
        };
        assert_eq!(correction(1.009, &[0.0]), Correction::None, "the lot before would come too early");
        assert_eq!(correction(1.0101, &[0.0]), Correction::Trim(80));
        assert_eq!(correction(1.0, &[0.0075]), Correction::Trim(60));
        assert_eq!(correction(1.0101, &[0.004]), Correction::Trim(112));
        assert_eq!(correction(1.0101, &[0.0075]), Correction::Shorten(140));
        assert_eq!(correction(0.998_5, &[0.0075]), Correction::Trim(60), "the slack is for that");
        // Less than a lot later the next one is early enough.
        assert_eq!(correction(0.990_5, &[0.0075]), Correction::Lengthen(20 + 80));
        assert_eq!(correction(0.990_5, &[0.0]), Correction::Lengthen(80 + 80));
    }

    #[test]
    fn packets_that_begin_all_over_their_lots_spare_what_all_of_them_can() {
        let mut sounding = Sounding::default();
        for ahead in [0.001, 0.006, 0.011] {
            sounding.note(1.046 - ahead, ahead);
        }
        assert_eq!(sounding.correction(1.0, 0.015, 8_000.0), Correction::Shorten(8 + 240));
        assert_eq!(sounding.correction(1.0151, 0.015, 8_000.0), Correction::Trim(8 + 120));
        assert_eq!(sounding.correction(1.0251, 0.015, 8_000.0), Correction::None);
    }

    #[test]
    fn old_packets_are_forgotten_and_stretching_counts() {
        let mut sounding = Sounding::default();
        sounding.note(1.0, 0.0);
        (0..PACKETS).for_each(|_| sounding.note(2.0, 0.0));
        assert_eq!(sounding.offset(), Some(2.0));
        sounding.shift(-0.5);
        assert_eq!(sounding.offset(), Some(1.5));
    }
}
