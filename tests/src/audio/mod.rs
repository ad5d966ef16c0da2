//! Sound as tests see it: samples with a rate, on disk as WAV, compared by correlation.

mod correlation;
mod speech;
mod wav;

pub use correlation::{Match, correlate, correlate_pieces};
pub use speech::speech;
pub use wav::Sound;
