//! Between samples and their spectra: frames of two blocks, 20 ms, 50 Hz a bin. Nothing is allocated after `new`.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::BLOCK;

/// Samples of a frame.
pub(super) const FRAME: usize = 2 * BLOCK;
/// Bins of a frame's spectrum, from 0 to the half of the rate.
pub(super) const BINS: usize = BLOCK + 1;

/// A spectrum, real and imaginary parts apart: so the compiler computes several bins at once.
#[derive(Debug, Clone)]
pub(super) struct Spectrum {
    pub(super) re: Vec<f32>,
    pub(super) im: Vec<f32>,
}

impl Spectrum {
    /// The lowest `bins` of a spectrum, all zero.
    pub(super) fn new(bins: usize) -> Self {
        Self { re: vec![0.0; bins], im: vec![0.0; bins] }
    }

    pub(super) fn clear(&mut self) {
        self.re.fill(0.0);
        self.im.fill(0.0);
    }

    /// Power of each bin.
    pub(super) fn powers(&self) -> impl Iterator<Item = f32> {
        self.re.iter().zip(&self.im).map(|(re, im)| re * re + im * im)
    }
}

/// Both ways.
pub(super) struct Transform {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    wave: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transform").finish_non_exhaustive()
    }
}

impl Transform {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(FRAME), planner.plan_fft_inverse(FRAME));
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            forward,
            inverse,
            wave: vec![0.0; FRAME],
            bins: vec![Complex32::default(); BINS],
            scratch: vec![Complex32::default(); scratch],
        }
    }

    /// The spectrum of a frame of [`FRAME`] samples, as many bins of it as `out` has.
    pub(super) fn analyse(&mut self, frame: impl Iterator<Item = f32>, out: &mut Spectrum) {
        self.wave.fill(0.0);
        self.wave.iter_mut().zip(frame).for_each(|(wave, sample)| *wave = sample);
        // It fails for other lengths only.
        let _ = self.forward.process_with_scratch(&mut self.wave, &mut self.bins, &mut self.scratch);
        for ((re, im), bin) in out.re.iter_mut().zip(&mut out.im).zip(&self.bins) {
            (*re, *im) = (bin.re, bin.im);
        }
    }

    /// The frame of a spectrum; bins it doesn't have are zero.
    pub(super) fn synthesise(&mut self, spectrum: &Spectrum) -> &[f32] {
        self.bins.fill(Complex32::default());
        const SCALE: f32 = 1.0 / FRAME as f32;
        for ((bin, re), im) in self.bins.iter_mut().zip(&spectrum.re).zip(&spectrum.im) {
            *bin = Complex32::new(re * SCALE, im * SCALE);
        }
        // A real wave has none there.
        if let Some(first) = self.bins.first_mut() {
            first.im = 0.0;
        }
        if let Some(last) = self.bins.last_mut() {
            last.im = 0.0;
        }
        let _ = self.inverse.process_with_scratch(&mut self.bins, &mut self.wave, &mut self.scratch);
        &self.wave
    }
}
