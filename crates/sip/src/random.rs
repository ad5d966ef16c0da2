//! Identifiers and jitter from one seeded generator, so that a test can be run again.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Random {
        Random(ChaCha20Rng::from_seed(seed))
    }

    /// At least 32 random bits are asked for (RFC 3261 19.3); these are 64.
    pub(crate) fn tag(&mut self) -> String {
        format!("{:016x}", self.0.next_u64())
    }

    /// RFC 3261 8.1.1.7.
    pub(crate) fn branch(&mut self) -> String {
        format!("{}{:016x}", crate::wire::via::MAGIC_COOKIE, self.0.next_u64())
    }

    /// Without a host part, which would tell the private address (RFC 3261 8.1.1.4 leaves it free).
    pub(crate) fn call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.0.next_u64(), self.0.next_u64())
    }

    pub(crate) fn cnonce(&mut self) -> String {
        format!("{:016x}", self.0.next_u64())
    }

    /// 96 random bits.
    pub(crate) fn bytes(&mut self) -> [u8; 12] {
        let mut bytes = [0; 12];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Below `n`; 0 when there is nothing to choose.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.0.next_u32() % n.max(1)
    }

    /// The user part of our Contact: guessing it must not be easy, for it makes the phone ring.
    pub(crate) fn contact_user(&mut self) -> String {
        format!("{:012x}", self.0.next_u64() >> 16)
    }

    /// Between half and the whole of `upper`.
    pub(crate) fn jitter(&mut self, upper: Duration) -> Duration {
        let half = upper / 2;
        let part = u64::from(self.0.next_u32() % 1000);
        half.saturating_add(half.mul_f64(part as f64 / 1000.0))
    }
}
