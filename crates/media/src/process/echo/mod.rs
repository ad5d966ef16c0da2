//! The echo canceller: the loudspeaker's part of the microphone's signal is learnt and subtracted. What it couldn't
//! subtract is for [`super::residual`].
//!
//! Two filters learn. The wide one stands still while this side speaks, and so may miss that the path has changed; the
//! narrow one, of the lowest bins and cheap, learns always. When it is the better one for some time, the
//! path has changed, and the wide one begins to doubt; so it does when [`super::residual`] finds the subtracted echo in the
//! error.

mod filter;

use super::BLOCK;
use super::spectrum::{BINS, Spectrum, Transform};
use filter::{Branch, History};

/// Blocks the path may have, from the loudspeaker's queue to the end of the room's sound: 450 ms.
const PATH: usize = 45;
/// Blocks of the bent path: the loudspeaker's bending dies with the room's first sound.
const BENT_PATH: usize = 14;
/// Bins of the narrow filter: to 4 kHz.
const NARROW: usize = 80;

/// What a bin of a partition is thought to be at first, as power; more than any room has, so that it learns at once.
const PRIOR: f32 = 0.2;
const BENT_PRIOR: f32 = 0.01;
/// The share of the path's power that may change in a block, for the wide filter and for the narrow one.
const STEADY: f32 = 4e-5;
const RESTLESS: f32 = 1e-2;
/// Blocks for which the narrow filter has to be better by 3 dB.
const BETTER: u32 = 8;
/// Blocks between two looks at where the path is.
const LOOK: usize = 5;
/// Blocks of the loudspeaker's sound until the room's size is guessed, and between two guesses.
const GUESS_FROM: usize = 50;
const GUESS_EVERY: usize = 100;
/// What a path that is known anew begins its count with: the first guess comes after [`GUESS_FROM`] blocks.
const UNTAUGHT: usize = GUESS_EVERY - GUESS_FROM;
/// How fast the error's expected power follows when it rises and when it falls: a near talker who begins must not
/// be learnt for even a block.
const RISE: f32 = 0.8;
const FALL: f32 = 0.3;

/// What is known of the path, and of a block's echo.
#[derive(Debug)]
pub(super) struct Canceller {
    transform: Transform,
    played: History,
    bent: History,
    bent_block: Vec<f32>,
    /// Mean of the square and of the fourth power of what is played.
    moments: (f32, f32),
    wide: Branch,
    bent_branch: Branch,
    narrow: Branch,
    echo_spectrum: Spectrum,
    error_spectrum: Spectrum,
    narrow_echo: Spectrum,
    narrow_error: Spectrum,
    /// Power of the error that the filter's doubt explains.
    unsure: Vec<f32>,
    narrow_unsure: Vec<f32>,
    expected: Vec<f32>,
    narrow_expected: Vec<f32>,
    error_power: Vec<f32>,
    narrow_power: Vec<f32>,
    echo: Vec<f32>,
    error: Vec<f32>,
    narrow_block: (Vec<f32>, Vec<f32>),
    /// Power of the two filters' errors in the narrow band, over some 100 ms.
    race: (f32, f32),
    behind: u32,
    loudest: usize,
    /// Blocks since the loudspeaker last said something; the path is silent after [`PATH`].
    silent: usize,
    blocks: usize,
    /// Blocks in which the loudspeaker spoke, up to the next guess.
    taught: usize,
    delay: Option<f32>,
}

impl Canceller {
    pub(super) fn new() -> Self {
        Self {
            transform: Transform::new(),
            played: History::new(PATH),
            bent: History::new(PATH),
            bent_block: vec![0.0; BLOCK],
            moments: (1e-6, 1e-9),
            wide: Branch::new(PATH, BINS, PRIOR),
            bent_branch: Branch::new(BENT_PATH, BINS, BENT_PRIOR),
            narrow: Branch::new(PATH, NARROW, PRIOR),
            echo_spectrum: Spectrum::new(BINS),
            error_spectrum: Spectrum::new(BINS),
            narrow_echo: Spectrum::new(NARROW),
            narrow_error: Spectrum::new(NARROW),
            unsure: vec![0.0; BINS],
            narrow_unsure: vec![0.0; NARROW],
            expected: vec![0.0; BINS],
            narrow_expected: vec![0.0; NARROW],
            error_power: vec![0.0; BINS],
            narrow_power: vec![0.0; NARROW],
            echo: vec![0.0; BLOCK],
            error: vec![0.0; BLOCK],
            narrow_block: (vec![0.0; BLOCK], vec![0.0; BLOCK]),
            race: (0.0, 0.0),
            behind: 0,
            loudest: 0,
            silent: PATH,
            blocks: 0,
            taught: UNTAUGHT,
            delay: None,
        }
    }

    /// Whether the loudspeaker's sound can be in the room.
    pub(super) fn active(&self) -> bool {
        self.silent < PATH
    }

    /// The path has changed: what is known of it is doubted.
    pub(super) fn doubt(&mut self) {
        self.wide.doubt();
        self.bent_branch.doubt();
        self.taught = UNTAUGHT;
    }

    /// Knows nothing of the path again.
    pub(super) fn forget(&mut self) {
        for branch in [&mut self.wide, &mut self.bent_branch, &mut self.narrow] {
            branch.forget();
        }
        self.race = (0.0, 0.0);
        self.behind = 0;
        self.taught = UNTAUGHT;
    }

    /// Takes what is played without looking for it in the microphone.
    pub(super) fn listen(&mut self, played: &[f32]) {
        let heard = played.iter().any(|s| s.abs() > 1e-5);
        self.silent = if heard { 0 } else { self.silent.saturating_add(1) };
        self.echo.fill(0.0);
        self.unsure.fill(0.0);
        // Once it is all silent, more silence is nothing new.
        if self.silent <= PATH + 1 {
            self.bend(played);
            self.played.push(played, &mut self.transform);
            self.bent.push(&self.bent_block, &mut self.transform);
        }
    }

    /// Takes a block of both; leaves what isn't explained in `microphone`.
    pub(super) fn process(&mut self, played: &[f32], microphone: &mut [f32]) {
        self.listen(played);
        if !self.active() {
            return;
        }
        self.run_wide(microphone);
        self.run_narrow(microphone);
        self.compare();
        self.guess_size();
        self.blocks = (self.blocks + 1) % LOOK;
        if self.blocks == 0 {
            self.find_path();
        }
        microphone.copy_from_slice(&self.error);
    }

    /// The echo that was subtracted from the last block.
    pub(super) fn echo(&self) -> &[f32] {
        &self.echo
    }

    /// How much power of each bin of the last block may be echo still.
    pub(super) fn unsure(&self) -> &[f32] {
        &self.unsure
    }

    /// The time to the loudest part of the path, in ms, once one is known.
    pub(super) fn delay_ms(&self) -> Option<f32> {
        self.delay
    }

    /// A second reference: the cube of what is played, less what of it is like the first one.
    fn bend(&mut self, played: &[f32]) {
        for sample in played {
            let square = sample * sample;
            if square > 1e-6 {
                self.moments.0 += 1e-4 * (square - self.moments.0);
                self.moments.1 += 1e-4 * (square * square - self.moments.1);
            }
        }
        let alike = self.moments.1 / self.moments.0.max(1e-9);
        let size = 1.0 / alike.max(1e-4);
        for (bent, sample) in self.bent_block.iter_mut().zip(played) {
            *bent = (sample * sample * sample - alike * sample) * size;
        }
    }

    fn run_wide(&mut self, microphone: &[f32]) {
        self.echo_spectrum.clear();
        self.unsure.fill(0.0);
        self.wide.estimate(&self.played, &mut self.echo_spectrum, &mut self.unsure);
        self.bent_branch.estimate(&self.bent, &mut self.echo_spectrum, &mut self.unsure);
        filter::error(microphone, &self.echo_spectrum, &mut self.transform, &mut self.echo, &mut self.error);
        let padded = std::iter::repeat_n(0.0, BLOCK).chain(self.error.iter().copied());
        self.transform.analyse(padded, &mut self.error_spectrum);
        let power: f32 = self.error_spectrum.powers().take(NARROW).sum();
        self.race.0 += 0.1 * (power - self.race.0);
        expect(&mut self.error_spectrum, &self.unsure, &mut self.error_power, &mut self.expected);
        self.wide.adapt(&self.played, &self.error_spectrum, &self.expected, STEADY);
        self.bent_branch.adapt(&self.bent, &self.error_spectrum, &self.expected, STEADY);
        self.wide.constrain(1, self.loudest, &mut self.transform);
        self.bent_branch.constrain(
            1,
            self.loudest.saturating_sub(self.bent_branch.skipped()),
            &mut self.transform,
        );
    }

    fn run_narrow(&mut self, microphone: &[f32]) {
        self.narrow_echo.clear();
        self.narrow_unsure.fill(0.0);
        self.narrow.estimate(&self.played, &mut self.narrow_echo, &mut self.narrow_unsure);
        let (echo, error) = (&mut self.narrow_block.0, &mut self.narrow_block.1);
        filter::error(microphone, &self.narrow_echo, &mut self.transform, echo, error);
        let padded = std::iter::repeat_n(0.0, BLOCK).chain(error.iter().copied());
        self.transform.analyse(padded, &mut self.narrow_error);
        let power = self.narrow_error.powers().sum::<f32>();
        self.race.1 += 0.1 * (power - self.race.1);
        expect(
            &mut self.narrow_error,
            &self.narrow_unsure,
            &mut self.narrow_power,
            &mut self.narrow_expected,
        );
        self.narrow.adapt(&self.played, &self.narrow_error, &self.narrow_expected, RESTLESS);
        self.narrow.constrain(2, self.loudest, &mut self.transform);
    }

    /// Which of the two filters hears less.
    fn compare(&mut self) {
        self.behind = if self.race.1 < 0.5 * self.race.0 { self.behind + 1 } else { 0 };
        if self.behind >= BETTER {
            self.wide.take_weights(&self.narrow);
            self.doubt();
            self.behind = 0;
            self.race.0 = self.race.1;
        } else if self.race.0 < 0.25 * self.race.1 {
            self.narrow.take_weights(&self.wide);
            self.race.1 = self.race.0;
        }
    }

    fn guess_size(&mut self) {
        if self.silent > 0 {
            return;
        }
        self.taught += 1;
        if self.taught >= GUESS_EVERY {
            self.taught = 0;
            self.wide.learn_prior();
            self.narrow.learn_prior();
        }
    }

    fn find_path(&mut self) {
        let (mut loudest, mut best, mut all) = (0, 0.0, 0.0);
        for (i, power) in self.wide.powers().enumerate() {
            all += power;
            if power > best {
                (loudest, best) = (i, power);
            }
        }
        self.loudest = loudest;
        // An even share would be a 45th: nothing is found yet.
        if best > 0.15 * all {
            let within = self.wide.peak(loudest, &mut self.transform);
            self.delay = Some((loudest * BLOCK + within) as f32 * 1_000.0 / crate::DEVICE_RATE as f32);
        }
        let skipped = loudest.saturating_sub(1).min(PATH - BENT_PATH);
        if skipped.abs_diff(self.bent_branch.skipped()) > 2 {
            self.bent_branch.move_to(skipped);
        }
    }
}

/// Divides the error's spectrum by the power that is to be expected of it: what the filter's doubt explains, or what
/// is there. `expected` becomes the inverse.
fn expect(error: &mut Spectrum, unsure: &[f32], smooth: &mut [f32], expected: &mut [f32]) {
    let bins = error.re.iter_mut().zip(&mut error.im).zip(unsure).zip(smooth).zip(expected);
    for ((((re, im), unsure), smooth), expected) in bins {
        let power = *re * *re + *im * *im;
        *smooth += (if power > *smooth { RISE } else { FALL }) * (power - *smooth);
        *expected = 1.0 / smooth.max(*unsure).max(1e-9);
        *re *= *expected;
        *im *= *expected;
    }
}
