//! What the figures have to be: limits of their own, and better than the best of the others in the same run.

use crate::impairment::Impairment;
use crate::measure::{Figures, Measured};
use crate::phones::{Codec, Phone};

/// One demand and how it came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// What is demanded, such as `opus loss5: PESQ`.
    pub(crate) what: String,
    /// Tern's figure.
    pub(crate) ours: f64,
    /// The limit, and whether the figure may not be below it; else not above.
    pub(crate) limit: f64,
    /// Whether more is better.
    pub(crate) more: bool,
    /// Where the limit comes from.
    pub(crate) source: String,
}

impl Verdict {
    /// Whether the demand is met.
    pub(crate) fn met(&self) -> bool {
        if self.more { self.ours >= self.limit } else { self.ours <= self.limit }
    }

    /// How much better than the limit: above one is met.
    pub(crate) fn ratio(&self) -> f64 {
        if self.more { self.ours / self.limit } else { self.limit / self.ours }
    }
}

/// PESQ that a codec allows on a network, less a little: wide band for Opus, narrow band for G.711.
const QUALITY: [(Codec, Impairment, f64); 4] = [
    (Codec::Opus, Impairment::Loss(5), 3.85),
    (Codec::Opus, Impairment::Loss(10), 3.4),
    (Codec::Opus, Impairment::Bursts, 2.7),
    (Codec::Pcmu, Impairment::Loss(5), 2.75),
];

/// Of the best other's delay on a clean network.
const DELAY_SHARE: f64 = 0.7;

/// Resident memory of the program in a call, in megabytes.
const MEMORY: f64 = 25.0;

/// Holds everything that was measured against what is demanded.
pub(crate) fn verdicts(measured: &[Measured]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for ours in measured.iter().filter(|one| !one.phone.is_peer()) {
        let Ok(figures) = &ours.figures else { continue };
        let name = format!("{} {} {}", ours.phone.name(), ours.codec.name(), ours.network.name());
        let mut demand = |what: &str, ours: f64, limit: f64, more: bool, source: String| {
            verdicts.push(Verdict { what: format!("{name}: {what}"), ours, limit, more, source });
        };
        let best = |figure: fn(Codec, &Figures) -> f64, more: bool, processes: Option<bool>| {
            let others = measured.iter().filter(|other| {
                other.phone.is_peer()
                    && other.codec == ours.codec
                    && other.network == ours.network
                    && processes.is_none_or(|processes| other.phone.processes() == processes)
            });
            let figures = others
                .filter_map(|other| Some((figure(other.codec, other.figures.as_ref().ok()?), other.phone)));
            figures.reduce(|one, other| if (other.0 > one.0) == more { other } else { one })
        };
        let of = |phone: Phone| format!("best other: {}", phone.name());
        if ours.phone == Phone::Tern {
            if let Some((limit, phone)) = best(quality, true, Some(false)) {
                demand("PESQ", quality(ours.codec, figures), limit, true, of(phone));
            }
            for (codec, network, limit) in QUALITY {
                if (codec, network) == (ours.codec, ours.network) {
                    demand("PESQ", quality(codec, figures), limit, true, "what the codec allows".into());
                }
            }
            let delay = best(|_, figures| figures.delay, false, Some(false));
            match (ours.network, delay) {
                (Impairment::Clean, Some((delay, phone))) => {
                    let source = format!("{DELAY_SHARE} of the {}", of(phone));
                    demand("delay, ms", figures.delay, delay * DELAY_SHARE, false, source);
                }
                (Impairment::Jitter, Some((delay, phone))) => {
                    demand("delay, ms", figures.delay, delay, false, of(phone));
                }
                _ => {}
            }
        }
        if ours.network == Impairment::Clean {
            if ours.codec == Codec::Opus
                && let Some((limit, phone)) =
                    best(|_, figures| figures.processor, false, Some(ours.phone.processes()))
            {
                demand("processor, %", figures.processor, limit, false, of(phone));
            }
            demand("memory, MB", figures.memory, MEMORY, false, "its own limit".into());
        }
    }
    verdicts
}

/// The figure that says most of a codec.
pub(crate) fn quality(codec: Codec, figures: &Figures) -> f64 {
    if codec.is_wide() { figures.wide } else { figures.narrow }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(wide: f64, delay: f64, processor: f64) -> Result<Figures, String> {
        Ok(Figures { wide, narrow: wide - 0.1, delay, processor, memory: 20.0, lost: 0.0 })
    }

    fn one(phone: Phone, network: Impairment, figures: Result<Figures, String>) -> Measured {
        Measured { phone, codec: Codec::Opus, network, figures }
    }

    #[test]
    fn the_best_of_the_others_is_the_measure() {
        let all = [
            one(Phone::Tern, Impairment::Clean, figures(4.2, 80.0, 5.0)),
            one(Phone::Baresip, Impairment::Clean, figures(4.0, 240.0, 6.0)),
            one(Phone::Linphonec, Impairment::Clean, figures(4.3, 110.0, 4.0)),
            one(Phone::LinphonecProcessing, Impairment::Clean, figures(4.9, 10.0, 9.0)),
        ];
        let verdicts = verdicts(&all);
        let of = |what: &str| verdicts.iter().find(|verdict| verdict.what.contains(what)).unwrap();
        assert_eq!((of("PESQ").limit, of("PESQ").met()), (4.3, false));
        assert!((of("delay").limit - 77.0).abs() < 1e-9 && !of("delay").met(), "{verdicts:?}");
        assert_eq!((of("processor").limit, of("processor").met()), (4.0, false));
        assert!(of("memory").met());
        assert!(of("delay").ratio() < 1.0 && of("memory").ratio() > 1.0);
    }

    #[test]
    fn a_network_has_its_own_limit_and_a_failed_call_no_verdict() {
        let all = [
            one(Phone::Tern, Impairment::Loss(5), figures(3.9, 80.0, 5.0)),
            one(Phone::Baresip, Impairment::Loss(5), Err("it crashed".into())),
        ];
        let verdicts = verdicts(&all);
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        assert!(verdicts[0].met() && verdicts[0].limit == 3.85);
        assert_eq!(super::verdicts(&[one(Phone::Tern, Impairment::Clean, Err("no".into()))]), []);
    }
}
