//! What the database is sealed with: 32 random bytes, or a passphrase that SQLCipher derives them from.
//!
//! Never printed, and wiped when dropped. SQLite's own copy of the statement that carries it is beyond our reach.

use rand::{TryRngCore, rngs::OsRng};
use rusqlite::{Connection, params};
use std::{fmt, fmt::Write as _, path::Path};
use zeroize::Zeroizing;

use super::StoreError;

/// Bytes of a random key (AES-256).
const BYTES: usize = 32;
/// Characters of the longest passphrase.
const LONGEST: usize = 1024;

/// Opens a sealed database.
#[derive(Clone)]
pub(crate) enum Key {
    /// Used as it is.
    Raw(Zeroizing<[u8; BYTES]>),
    /// Goes through SQLCipher's own derivation (PBKDF2 with HMAC-SHA512, 256,000 rounds).
    Passphrase(Zeroizing<String>),
}

impl Key {
    /// A new one from the system's source of randomness; `None` when that fails.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        OsRng.try_fill_bytes(bytes.as_mut_slice()).ok()?;
        Some(Self::Raw(bytes))
    }

    /// What a person typed; `None` for what can't be one.
    pub(crate) fn passphrase(typed: &str) -> Option<Self> {
        let usable = !typed.is_empty() && typed.chars().count() <= LONGEST && !typed.contains('\0');
        usable.then(|| Self::Passphrase(Zeroizing::new(typed.to_owned())))
    }

    /// Reads what [`Key::hex`] wrote.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        let digits = text.as_bytes();
        if digits.len() != BYTES * 2 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self::Raw(bytes))
    }

    /// A random key as a keyring keeps it; `None` for a passphrase, which nothing keeps.
    pub(crate) fn hex(&self) -> Option<Zeroizing<String>> {
        let Self::Raw(bytes) = self else { return None };
        // Of full size from the start: growing would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(BYTES * 2));
        for byte in bytes.iter() {
            write!(text, "{byte:02x}").ok()?;
        }
        Some(text)
    }

    /// The first statement on a connection to a sealed database.
    pub(super) fn unlock(&self, connection: &Connection) -> Result<(), StoreError> {
        let spec = self.spec();
        let mut statement = Zeroizing::new(String::with_capacity(spec.len() * 2 + 20));
        statement.push_str("PRAGMA key = '");
        for c in spec.chars() {
            if c == '\'' {
                statement.push('\'');
            }
            statement.push(c);
        }
        statement.push_str("';");
        Ok(connection.execute_batch(&statement)?)
    }

    /// Adds the database at `path` to a connection as `sealed`.
    pub(super) fn attach(&self, connection: &Connection, path: &Path) -> Result<(), StoreError> {
        let spec = self.spec();
        connection
            .execute("ATTACH DATABASE ?1 AS sealed KEY ?2", params![path.to_string_lossy(), spec.as_str()])?;
        Ok(())
    }

    /// As SQLCipher takes it: `x'…'` is used as it is, anything else is derived from.
    fn spec(&self) -> Zeroizing<String> {
        match self {
            Self::Raw(_) => {
                let hex = self.hex().unwrap_or_default();
                let mut spec = Zeroizing::new(String::with_capacity(hex.len() + 3));
                spec.push_str("x'");
                spec.push_str(&hex);
                spec.push('\'');
                spec
            }
            // A passphrase that looks like a raw key stays a passphrase.
            Self::Passphrase(text) if text.starts_with("x'") || text.starts_with("X'") => {
                Zeroizing::new(format!(" {}", text.as_str()))
            }
            Self::Passphrase(text) => text.clone(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_key_survives_the_keyring_and_debug_tells_nothing() {
        let key = Key::random().unwrap();
        let hex = key.hex().unwrap();
        assert_eq!(hex.len(), 64);
        let back = Key::from_hex(&hex).unwrap();
        assert_eq!(back.hex().unwrap(), hex);
        assert_ne!(Key::random().unwrap().hex().unwrap(), hex);
        assert_eq!(format!("{key:?} {:?}", Key::passphrase("hunter2 hunter2").unwrap()), "Key(…) Key(…)");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "00", "zz", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            assert!(Key::from_hex(text).is_none(), "{text}");
        }
        for text in ["", "a\0b", &"a".repeat(LONGEST + 1)] {
            assert!(Key::passphrase(text).is_none(), "{text}");
        }
    }
}
