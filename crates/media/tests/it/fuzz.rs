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

#[test]
fn datagrams_on_the_sockets_of_a_call() {
    let mut random = StdRng::seed_from_u64(8445);
    for _ in 0..2_000 {
        let mut bytes = Vec::new();
        for _ in 0..random.random_range(1..12) {
            let length = random.random_range(20..100_u8) & !3;
            let mut datagram: Vec<u8> = (0..length).map(|_| random.random()).collect();
            datagram[0] = [0, 1, 22, 64, 128, 129][random.random_range(0..6)];
            if datagram[0] < 2 {
                // A STUN header, so that the attributes are looked at.
                datagram[1] = [1, 3, 9, 0x13, 0x17][random.random_range(0..5)];
                datagram[2..4].copy_from_slice(&u16::from(length - 20).to_be_bytes());
                datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            }
            bytes.extend([random.random(), length]);
            bytes.extend(datagram);
        }
        targets::path(&bytes);
    }
}

#[test]
fn packets_and_reports_of_a_call() {
    let mut random = StdRng::seed_from_u64(3550);
    for _ in 0..400 {
        let mut bytes = Vec::new();
        let mut sequence = random.random::<u16>();
        for _ in 0..random.random_range(1..40) {
            let length = random.random_range(8..120_u8) & !3;
            let mut datagram: Vec<u8> = (0..length).map(|_| random.random()).collect();
            datagram[0] = 0x80 | (datagram[0] & random.random_range(0..0x40));
            // Of the reports as often as of the payload types that are taken.
            datagram[1] = [200, 201, 202, 203, 207, 0, 8, 9, 96, 96, 13, 101][random.random_range(0..12)];
            if datagram[1] >= 200 {
                datagram[2..4].copy_from_slice(&(u16::from(length) / 4 - 1).to_be_bytes());
            } else {
                sequence = sequence.wrapping_add(random.random_range(0..3));
                datagram[2..4].copy_from_slice(&sequence.to_be_bytes());
                datagram[8..].iter_mut().take(4).for_each(|octet| *octet = 7);
                let timestamp = u32::from(sequence) * 960;
                datagram[4..8].copy_from_slice(&timestamp.to_be_bytes());
            }
            bytes.extend([length, random.random_range(0..80)]);
            bytes.extend(datagram);
        }
        targets::stream(&bytes);
    }
}
