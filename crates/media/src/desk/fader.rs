//! A gain that moves smoothly, so that nothing that is switched clicks.

/// How long a fader takes from one end to the other, samples at the rate of the devices: 10 ms.
const TRAVEL: f32 = crate::DEVICE_RATE as f32 / 100.0;

/// A gain between 0 and 1.
#[derive(Debug, Clone)]
pub(super) struct Fader {
    value: f32,
    goal: f32,
    /// Samples before it starts to move.
    delay: usize,
}

impl Fader {
    /// Open or shut from the start.
    pub(super) fn new(open: bool) -> Self {
        let value = if open { 1.0 } else { 0.0 };
        Self { value, goal: value, delay: 0 }
    }

    /// Moves to open or shut.
    pub(super) fn set(&mut self, open: bool) {
        self.goal = if open { 1.0 } else { 0.0 };
        self.delay = 0;
    }

    /// Moves likewise, but not before `delay` samples have gone by.
    pub(super) fn set_later(&mut self, open: bool, delay: usize) {
        self.set(open);
        if self.value != self.goal {
            self.delay = delay;
        }
    }

    /// Shuts at once: what it lets through is silent already.
    pub(super) fn shut(&mut self) {
        *self = Self::new(false);
    }

    /// Whether it is shut and stays so.
    pub(super) fn is_shut(&self) -> bool {
        self.value == 0.0 && self.goal == 0.0
    }

    /// Puts `from` through into `to`, replacing what is there. Both have one length.
    pub(super) fn pass(&mut self, from: &[f32], to: &mut Vec<f32>) {
        to.clear();
        if self.is_shut() {
            to.resize(from.len(), 0.0);
        } else {
            to.extend(from.iter().map(|sample| sample * self.next()));
        }
    }

    /// Adds `from` onto `to`.
    pub(super) fn add(&mut self, from: &[f32], to: &mut [f32]) {
        if !self.is_shut() {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from * self.next());
        }
    }

    fn next(&mut self) -> f32 {
        if self.delay > 0 {
            self.delay -= 1;
        } else if self.value != self.goal {
            self.value += (self.goal - self.value).clamp(-1.0 / TRAVEL, 1.0 / TRAVEL);
        }
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_ten_milliseconds_and_makes_no_step() {
        let mut fader = Fader::new(false);
        fader.set(true);
        let mut out = Vec::new();
        fader.pass(&[1.0; 600], &mut out);
        assert!(out.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 1.01 / TRAVEL));
        assert!(out[470] < 1.0 && out[485] == 1.0);
        fader.set_later(false, 100);
        fader.pass(&[1.0; 600], &mut out);
        assert!(out[99] == 1.0 && out[110] < 1.0 && out[599] == 0.0);
        assert!(fader.is_shut());
    }
}
