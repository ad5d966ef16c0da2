//! The fuzz targets, for a moment each: what `cargo xtask fuzz` runs for long, with seeded octets.

use rand::{Rng, SeedableRng, rngs::StdRng};

#[path = "../../fuzz/targets.rs"]
mod targets;

#[test]
fn packets_that_pretend_to_be_encrypted() {
    let mut random = StdRng::seed_from_u64(2026);
    for _ in 0..20_000 {
        let mut packet: Vec<u8> = (0..random.random_range(0..120)).map(|_| random.random()).collect();
        // Mostly with the version of RTP, or nothing gets past the first look.
        if let Some(second) = packet.get_mut(1).filter(|_| random.random_bool(0.9)) {
            *second = 0x80 | (*second & 0x3f);
        }
        targets::unprotect(&packet);
    }
}
