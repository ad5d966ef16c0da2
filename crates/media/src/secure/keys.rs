//! A direction's master key and salt.

use super::Suite;
use zeroize::Zeroizing;

/// What one side encrypts with: kept only where it is needed, wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    suite: Suite,
    master: Zeroizing<Vec<u8>>,
    mki: Vec<u8>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Keys {
    /// `master` is the master key followed by the salt; `mki` what each packet carries to name the key (RFC 3711 3.1),
    /// empty for nothing. `None` when the suite's keys are of another length.
    pub fn new(suite: Suite, master: &[u8], mki: &[u8]) -> Option<Keys> {
        (master.len() == suite.keying_length()).then(|| Keys {
            suite,
            master: Zeroizing::new(master.to_vec()),
            mki: mki.to_vec(),
        })
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn key(&self) -> &[u8] {
        self.master.get(..self.suite.key_length()).unwrap_or_default()
    }

    pub(super) fn salt(&self) -> &[u8] {
        self.master.get(self.suite.key_length()..).unwrap_or_default()
    }

    pub(super) fn mki(&self) -> &[u8] {
        &self.mki
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_length_is_none_and_none_is_shown() {
        assert_eq!(Keys::new(Suite::AeadAes128Gcm, &[7; 30], &[]), None);
        let shown = format!("{:?}", Keys::new(Suite::AeadAes128Gcm, &[7; 28], &[9]).unwrap());
        assert!(!shown.contains('7') && !shown.contains('9'), "{shown}");
    }
}
