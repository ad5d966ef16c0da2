//! The fuzz targets, for a moment each: what `cargo xtask fuzz` runs for long, with seeded octets and with seeded changes
//! to its corpora. `TERN_FUZZ_SECONDS=300` before a test of the latter goes on for so long, with other changes each time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

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

/// Gives a target its corpus as it stands, then so many changed inputs, or as many as the time asked for allows.
fn run(corpus: &str, count: usize, target: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(seeds.len() > 1);
    seeds.iter().for_each(|seed| target(seed));
    let asked = std::env::var("TERN_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let until = asked.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let first = if asked.is_some() { rand::random() } else { 2_026 };
    let mut done = 0;
    while until.map_or(done < count, |until| Instant::now() < until) {
        // Of its own, so that one that fails can be given again.
        let seed = u64::wrapping_add(first, done as u64);
        let mut random = StdRng::seed_from_u64(seed);
        let mut input = change(&mut random, &seeds);
        if random.random_bool(0.25) {
            input.extend(change(&mut random, &seeds));
        }
        let failed = std::panic::catch_unwind(|| target(&input)).is_err();
        assert!(!failed, "{corpus}, seed {seed}: {input:?}");
        done += 1;
    }
    println!("{corpus}: {done} inputs");
}

/// One of the inputs with a few of its octets changed, moved, doubled or gone.
fn change(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    const ODD: [u8; 8] = [0, 1, 0x7f, 0x80, 0x81, 0xc8, 0xfe, 0xff];
    let mut input = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..8) {
        let length = input.len();
        if length == 0 {
            break;
        }
        let at = random.random_range(0..length);
        let piece = at..(at + random.random_range(1..40)).min(length);
        match random.random_range(0..6) {
            0 => input[at] = random.random(),
            1 => input[at] ^= 1 << random.random_range(0..8),
            2 => input[at] = ODD[random.random_range(0..ODD.len())],
            3 => drop(input.drain(piece)),
            4 => {
                let copy = input[piece].to_vec();
                let to = random.random_range(0..length);
                input.splice(to..to, copy);
            }
            _ => input.truncate(at),
        }
    }
    input
}

#[test]
fn changed_packets_that_are_encrypted() {
    run("unprotect", 4_000, targets::unprotect);
}

#[test]
fn changed_checks_and_relays() {
    run("path", 1_000, targets::path);
}

#[test]
fn changed_streams() {
    run("stream", 60, targets::stream);
}

#[test]
fn changed_packets_and_reports() {
    run("packets", 4_000, targets::packets);
}

#[test]
fn changed_digits() {
    run("digits", 2_000, targets::digits);
}

#[test]
fn changed_bytes_of_a_relay() {
    run("relay", 500, targets::relay);
}

#[test]
fn changed_handshakes() {
    run("handshake", 100, targets::handshake);
}

#[test]
fn changed_sound_files() {
    run("file", 200, targets::file);
}
