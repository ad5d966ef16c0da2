//! What is measured: the command line.

use std::path::PathBuf;

use tern_tests::Result;

use crate::impairment::Impairment;
use crate::phones::{Codec, Phone};

/// How to use it.
pub(crate) const USAGE: &str = "\
Options of `bench audio`:
  --quick                 two codecs, four networks, one call of each: about ten minutes
  --phones A,B            tern tern+processing baresip linphonec linphonec+echo
  --codecs A,B            opus G722 PCMU
  --networks A,B          clean loss5 loss10 loss20 bursts10 jitter drift+200 drift-200
  --runs N                calls of each kind, the median counts (3)
  --pieces N              pieces of eight seconds that are scored in a call, each way (2)
  --seed N                of the packets that are lost (1)
  --speech FILE.wav       what is said, in place of a prompt that a Debian package has
  --keep DIR              keep what was said and heard as WAV files there
  --report FILE           where the report goes, without its ending (target/bench-audio)";

/// What to measure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// The phones, in the order of the report.
    pub(crate) phones: Vec<Phone>,
    /// The codecs.
    pub(crate) codecs: Vec<Codec>,
    /// The networks.
    pub(crate) networks: Vec<Impairment>,
    /// Calls of each kind.
    pub(crate) runs: u32,
    /// Scored pieces of a call, each way.
    pub(crate) pieces: u32,
    /// Seed of the losses.
    pub(crate) seed: u64,
    /// What is said.
    pub(crate) speech: Option<PathBuf>,
    /// Where sound is kept.
    pub(crate) keep: Option<PathBuf>,
    /// Where the report goes.
    pub(crate) report: PathBuf,
}

impl Options {
    /// Reads the command line.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            phones: Phone::ALL.to_vec(),
            codecs: Codec::ALL.to_vec(),
            networks: Impairment::ALL.to_vec(),
            runs: 3,
            pieces: 2,
            seed: 1,
            speech: None,
            keep: None,
            report: "target/bench-audio".into(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(option) = arguments.next() {
            if option == "--quick" {
                options.codecs = vec![Codec::Opus, Codec::Pcmu];
                options.networks =
                    vec![Impairment::Clean, Impairment::Loss(5), Impairment::Bursts, Impairment::Jitter];
                options.runs = 1;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value\n{USAGE}"))?;
            let unknown = |what: &str| format!("{option}: there is no {what}\n{USAGE}");
            match option.as_str() {
                "--phones" => {
                    options.phones = each(&value, |name| Phone::ALL.into_iter().find(|p| p.name() == name))
                        .map_err(|name| unknown(&name))?;
                }
                "--codecs" => {
                    options.codecs = each(&value, |name| {
                        Codec::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
                    })
                    .map_err(|name| unknown(&name))?;
                }
                "--networks" => {
                    options.networks = each(&value, Impairment::named).map_err(|name| unknown(&name))?;
                }
                "--runs" => options.runs = value.parse()?,
                "--pieces" => options.pieces = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--speech" => options.speech = Some(value.into()),
                "--keep" => options.keep = Some(value.into()),
                "--report" => options.report = value.into(),
                _ => return Err(unknown("such option").into()),
            }
        }
        Ok(options)
    }

    /// Every kind of call: phones of one kind follow each other under the same network, so that a busy machine is
    /// busy for all of them.
    pub(crate) fn calls(&self) -> Vec<(Codec, Impairment, Phone)> {
        let mut calls = Vec::new();
        for &codec in &self.codecs {
            for &network in &self.networks {
                for &phone in &self.phones {
                    // What processing costs shows without a bad network.
                    if !phone.processes() || (network == Impairment::Clean && codec == Codec::Opus) {
                        calls.push((codec, network, phone));
                    }
                }
            }
        }
        calls
    }
}

/// Each of the names between commas, or the first that is none.
fn each<T>(names: &str, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    names.split(',').map(|name| find(name).ok_or_else(|| name.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_is_measured_unless_told_otherwise() {
        let all = read("").unwrap();
        // Three phones under all networks with all codecs, and two that process with Opus on a clean one.
        assert_eq!(all.calls().len(), 3 * 8 * 3 + 2);
        let quick = read("--quick").unwrap();
        assert_eq!(quick.calls().len(), 3 * 4 * 2 + 2);
        let one = read("--phones tern --codecs pcmu --networks loss5,bursts10 --runs 5 --seed 9").unwrap();
        assert_eq!(one.calls().len(), 2);
        assert_eq!((one.runs, one.seed), (5, 9));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in ["--phones skype", "--codecs speex", "--networks hail", "--runs", "--runs x", "--what 1"]
        {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
