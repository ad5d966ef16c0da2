//! What a bad network does to packets, decided by their place in the stream alone.
//!
//! Invariant: the same seed, direction and place give the same fate, whatever the phone: all of them lose the same
//! packets.

use std::time::Duration;

/// One kind of bad network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Impairment {
    /// Everything arrives at once.
    Clean,
    /// So many of a hundred are lost, each by itself.
    Loss(u32),
    /// Ten of a hundred are lost, four in a row on average (Gilbert's model).
    Bursts,
    /// Each is late by 20 ms, give or take up to 40: they overtake each other.
    Jitter,
    /// The sender's clock is fast by so many parts per million, which a receiver sees as packets that come ever earlier.
    Drift(i32),
}

/// Losses while the burst goes on, and while it doesn't: four in a row, ten of a hundred in all.
const BURST_ENDS: f64 = 1.0 / 4.0;
const BURST_BEGINS: f64 = 0.1 / 0.9 * BURST_ENDS;

/// Where drift starts from: a delay can't become negative.
const DRIFT_DELAY: f64 = 0.060;

/// Seconds from one packet to the next, as every phone here sends.
const PACKET: f64 = 0.020;

impl Impairment {
    /// All, in the order of the report.
    pub(crate) const ALL: [Self; 8] = [
        Self::Clean,
        Self::Loss(5),
        Self::Loss(10),
        Self::Loss(20),
        Self::Bursts,
        Self::Jitter,
        Self::Drift(200),
        Self::Drift(-200),
    ];

    /// As it is typed and printed.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Clean => "clean".into(),
            Self::Loss(share) => format!("loss{share}"),
            Self::Bursts => "bursts10".into(),
            Self::Jitter => "jitter".into(),
            Self::Drift(ppm) => format!("drift{ppm:+}"),
        }
    }

    /// The one of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// The fates of one direction's packets.
#[derive(Debug, Clone)]
pub(crate) struct Fates {
    impairment: Impairment,
    seed: u64,
    /// Whether the packets so far fell into a burst: each depends on the one before.
    bursts: Vec<bool>,
}

impl Fates {
    /// Those under an impairment; each direction has a seed of its own.
    pub(crate) fn new(impairment: Impairment, seed: u64) -> Self {
        Self { impairment, seed, bursts: Vec::new() }
    }

    /// How long the packet at a place travels, or that it never arrives.
    pub(crate) fn of(&mut self, place: u64) -> Option<Duration> {
        match self.impairment {
            Impairment::Clean => Some(Duration::ZERO),
            Impairment::Loss(share) => {
                (self.dice(place) >= f64::from(share) / 100.0).then_some(Duration::ZERO)
            }
            Impairment::Bursts => (!self.in_burst(place)).then_some(Duration::ZERO),
            Impairment::Jitter => {
                Some(Duration::from_secs_f64((0.020 + 0.040 * (2.0 * self.dice(place) - 1.0)).max(0.0)))
            }
            Impairment::Drift(ppm) => {
                let gained = place as f64 * PACKET * f64::from(ppm) / 1e6;
                Some(Duration::from_secs_f64((DRIFT_DELAY - gained).max(0.0)))
            }
        }
    }

    fn in_burst(&mut self, place: u64) -> bool {
        // An hour of packets; a number beyond it is none that we sent.
        let place = place.min(180_000) as usize;
        while self.bursts.len() <= place {
            let before = self.bursts.last().copied().unwrap_or(false);
            let dice = self.dice(self.bursts.len() as u64);
            self.bursts.push(if before { dice >= BURST_ENDS } else { dice < BURST_BEGINS });
        }
        self.bursts[place]
    }

    /// From 0 to 1, the same for the same place.
    fn dice(&self, place: u64) -> f64 {
        // SplitMix64's output function: neighbouring inputs give unrelated outputs.
        let mut bits = self.seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(impairment: Impairment, seed: u64) -> Vec<bool> {
        let mut fates = Fates::new(impairment, seed);
        (0..50_000).map(|place| fates.of(place).is_none()).collect()
    }

    fn share(lost: &[bool]) -> f64 {
        lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64
    }

    #[test]
    fn as_many_are_lost_as_said() {
        for percent in [5, 10, 20] {
            let share = share(&lost(Impairment::Loss(percent), 7));
            assert!((share - f64::from(percent) / 100.0).abs() < 0.006, "{percent}: {share}");
        }
        let bursts = lost(Impairment::Bursts, 7);
        assert!((share(&bursts) - 0.1).abs() < 0.01, "{}", share(&bursts));
        let begun = bursts.windows(2).filter(|pair| pair[1] && !pair[0]).count();
        let mean = bursts.iter().filter(|lost| **lost).count() as f64 / begun as f64;
        assert!((mean - 4.0).abs() < 0.3, "{mean}");
        assert_eq!(share(&lost(Impairment::Clean, 7)), 0.0);
        assert_eq!(share(&lost(Impairment::Jitter, 7)), 0.0);
    }

    #[test]
    fn the_same_seed_loses_the_same_packets_in_whatever_order_they_are_asked_for() {
        for impairment in [Impairment::Loss(10), Impairment::Bursts] {
            let forward = lost(impairment, 3);
            let mut fates = Fates::new(impairment, 3);
            let mut backward: Vec<bool> = (0..50_000).rev().map(|place| fates.of(place).is_none()).collect();
            backward.reverse();
            assert_eq!(forward, backward);
            assert_ne!(forward, lost(impairment, 4));
        }
    }

    #[test]
    fn jitter_and_drift_are_in_their_bounds() {
        let mut jitter = Fates::new(Impairment::Jitter, 1);
        let delays: Vec<f64> = (0..10_000).filter_map(|p| jitter.of(p)).map(|d| d.as_secs_f64()).collect();
        assert!(delays.iter().all(|delay| (0.0..=0.060).contains(delay)));
        assert!(delays.iter().any(|delay| *delay > 0.055) && delays.contains(&0.0));
        let at = |ppm, place| Fates::new(Impairment::Drift(ppm), 1).of(place).unwrap().as_secs_f64();
        // A minute of a clock that is 200 ppm fast is 12 ms.
        assert!((at(200, 0) - at(200, 3_000) - 0.012).abs() < 1e-6);
        assert!((at(-200, 3_000) - at(-200, 0) - 0.012).abs() < 1e-6);
    }

    #[test]
    fn names_lead_back() {
        for impairment in Impairment::ALL {
            assert_eq!(Impairment::named(&impairment.name()), Some(impairment));
        }
        assert_eq!(Impairment::named("hail"), None);
    }
}
