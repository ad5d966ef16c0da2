//! The delay at which packets really sounded lately, and what is to be done about it.

use std::collections::VecDeque;

/// Packets remembered: the delay is that of the one that sounded earliest.
const PACKETS: usize = 25;
/// Delay above the aim that is left alone, seconds. Every stretch alters the sound, and nobody hears so little
/// delay: it is wider than a pitch period, so what was put in is not taken out again, and than the first guess, so
/// a calm call is never stretched.
const SURPLUS: f64 = 0.012;
/// The same in a pause, where a cut is not heard. What was put in is more than this with what may lack.
const SPARE: f64 = 0.006;
/// Delay below the aim that is left alone, seconds; the aim's slack must cover it.
const DEFICIT: f64 = 0.004;
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

/// Offsets, in seconds, at which packets sounded.
#[derive(Debug, Default)]
pub(super) struct Sounding {
    offsets: VecDeque<f64>,
}

impl Sounding {
    pub(super) fn note(&mut self, offset: f64) {
        if self.offsets.len() == PACKETS {
            self.offsets.pop_front();
        }
        self.offsets.push_back(offset);
    }

    /// All that follows comes so much later.
    pub(super) fn shift(&mut self, seconds: f64) {
        self.offsets.iter_mut().for_each(|offset| *offset += seconds);
    }

    pub(super) fn clear(&mut self) {
        self.offsets.clear();
    }

    /// The offset that holds at present, once anything sounded.
    pub(super) fn offset(&self) -> Option<f64> {
        self.offsets.iter().copied().reduce(f64::min)
    }

    /// What brings the offset to `goal`, for a clock of `rate` Hz.
    pub(super) fn correction(&self, goal: f64, rate: f64) -> Correction {
        let Some(offset) = self.offset() else {
            return Correction::None;
        };
        let surplus = offset - goal;
        let ticks = |seconds: f64| (seconds * rate) as u32;
        if surplus > SURPLUS {
            Correction::Shorten(ticks(surplus))
        } else if surplus > SPARE {
            Correction::Trim(ticks(surplus))
        } else if surplus < -DEFICIT {
            // A whole pitch period has to fit.
            Correction::Lengthen(ticks(-surplus + PERIOD))
        } else {
            Correction::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_left_alone_and_much_is_not() {
        let correction = |offset: f64| {
            let mut sounding = Sounding::default();
            // One packet that sounded late tells nothing.
            sounding.note(9.0);
            sounding.note(offset);
            sounding.correction(1.0, 8_000.0)
        };
        assert_eq!(Sounding::default().correction(1.0, 8_000.0), Correction::None);
        assert_eq!(correction(1.0), Correction::None);
        assert_eq!(correction(1.005), Correction::None);
        assert_eq!(correction(1.01), Correction::Trim(80));
        assert_eq!(correction(1.0625), Correction::Shorten(500));
        assert_eq!(correction(0.997), Correction::None);
        assert_eq!(correction(0.990), Correction::Lengthen(160));
    }

    #[test]
    fn old_packets_are_forgotten_and_stretching_counts() {
        let mut sounding = Sounding::default();
        sounding.note(1.0);
        (0..PACKETS).for_each(|_| sounding.note(2.0));
        assert_eq!(sounding.offset(), Some(2.0));
        sounding.shift(-0.5);
        assert_eq!(sounding.offset(), Some(1.5));
    }
}
