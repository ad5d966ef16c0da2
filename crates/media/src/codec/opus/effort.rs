//! How much work the encoder puts into a packet: as much as the thread that drives it has time for.
//!
//! The invariant: a thread that hardly keeps up gets relief with the next report of its load; work is added again only
//! after a calm time, one step at a time. What isn't here: who measures the load (the owner of the thread).

/// libopus' complexities, from the usual one to the least. From 7 on it analyses whether it hears music, which speech pays
/// for and doesn't gain by.
const STEPS: [u8; 4] = [6, 4, 2, 0];
/// Share of its time that a thread may be at work before it is in danger of coming too late.
const STRAINED: f32 = 0.7;
/// Share below which more work can't bring it there.
const CALM: f32 = 0.35;
/// Reports in a row that have to be calm before more work is tried.
const PATIENCE: u32 = 15;

/// The effort at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Effort {
    step: usize,
    calm: u32,
}

impl Effort {
    /// The complexity to encode with.
    pub(super) fn complexity(self) -> u8 {
        STEPS.get(self.step).copied().unwrap_or(0)
    }

    /// What follows from a report: the share of the latest second or so in which the thread was at work, 0..=1.
    #[must_use]
    pub(super) fn after(self, load: f32) -> Self {
        if load > STRAINED {
            Self { step: (self.step + 1).min(STEPS.len() - 1), calm: 0 }
        } else if load >= CALM || self.step == 0 {
            Self { calm: 0, ..self }
        } else if self.calm + 1 < PATIENCE {
            Self { calm: self.calm + 1, ..self }
        } else {
            Self { step: self.step - 1, calm: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(loads: impl IntoIterator<Item = f32>) -> u8 {
        loads.into_iter().fold(Effort::default(), Effort::after).complexity()
    }

    #[test]
    fn strain_is_relieved_at_once_and_as_far_as_it_must() {
        assert_eq!(after([0.1; 100]), 6);
        assert_eq!(after([0.6; 100]), 6, "busy is not strained");
        assert_eq!(after([0.8]), 4);
        assert_eq!(after([0.8, 0.5, 0.5]), 4, "what helped is kept");
        assert_eq!(after([0.8; 2]), 2);
        assert_eq!(after([1.0; 50]), 0);
        assert_eq!(after([f32::NAN; 50]), 6, "nothing is known");
    }

    #[test]
    fn calm_brings_it_back_step_by_step() {
        let calm = |seconds| after(std::iter::repeat_n(1.0, 2).chain(std::iter::repeat_n(0.1, seconds)));
        assert_eq!((calm(14), calm(15), calm(29), calm(30), calm(300)), (2, 4, 4, 6, 6));
        let interrupted = [1.0].into_iter().chain([0.1; 14]).chain([0.5]).chain([0.1; 14]);
        assert_eq!(after(interrupted), 4, "calm is counted anew");
    }
}
