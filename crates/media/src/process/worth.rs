//! Whether taking the echo out takes anything out. With a headset there is none: what the filter finds then is chance,
//! subtracting it adds to what this side says, and the suppressor would take that for a path that has changed.

/// Blocks of proof, for or against, that may gather: a moved microphone costs the filter less than it gathers.
const MOST: f32 = 100.0;
/// From here on it is left out, and taken up again.
const LEAVE: f32 = -50.0;
const RETURN: f32 = -10.0;
/// Blocks after which a path that was not worth it is looked for anew: the filter is sure by then that there is none.
const AGAIN: u32 = 150;
/// What a block counts for the mean of the last fifth of a second.
const MEAN: f32 = 0.05;
/// Sounds that have nothing to do with each other are alike by less than this in such a time.
const CHANCE: f32 = 0.2;
/// What a block in which neither shows counts: an echo so far below this side's speech needs no taking out.
const UNDECIDED: f32 = -0.1;

/// The proof so far. The echo subtracted from a block is a guess made before the block was heard. Of a true one, the
/// microphone is quieter by its power afterwards; by one that is made up, it is louder by its power.
#[derive(Debug)]
pub(super) struct Worth {
    saved: f32,
    echo: f32,
    microphone: f32,
    proof: f32,
    pays: bool,
    /// Blocks since it was last looked for, while it doesn't pay.
    out: u32,
}

impl Worth {
    /// Until there is proof, an echo is to be expected.
    pub(super) fn new() -> Self {
        Self { saved: 0.0, echo: 0.0, microphone: 0.0, proof: 0.0, pays: true, out: 0 }
    }

    /// Judges a block during which the loudspeaker was to be heard: the microphone, and what was subtracted from it.
    pub(super) fn judge(&mut self, microphone: &[f32], echo: &[f32]) {
        let follow = |mean: &mut f32, now: f32| *mean += MEAN * (now - *mean);
        let saved = microphone.iter().zip(echo).map(|(sample, echo)| (2.0 * sample - echo) * echo).sum();
        follow(&mut self.saved, saved);
        follow(&mut self.echo, echo.iter().map(|s| s * s).sum());
        follow(&mut self.microphone, microphone.iter().map(|s| s * s).sum());
        let shows = self.saved.abs() > 2.0 * CHANCE * (self.microphone * self.echo).sqrt();
        let share = if shows { self.saved / self.echo.max(1e-12) } else { UNDECIDED };
        self.proof = (self.proof + share.clamp(-1.0, 1.0)).clamp(-MOST, MOST);
        self.pays = if self.pays { self.proof > LEAVE } else { self.proof > RETURN };
        self.out = if self.pays { 0 } else { self.out % AGAIN + 1 };
    }

    /// Whether to forget what was found of the path, and to look for it as at the beginning.
    pub(super) fn starts_over(&self) -> bool {
        self.out == 1
    }

    /// Whether the echo is worth subtracting.
    pub(super) fn pays(&self) -> bool {
        self.pays
    }
}
