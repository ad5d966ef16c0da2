//! The cryptographic suites of SRTP, by the names descriptions give them and the numbers DTLS does.

/// How packets are encrypted and authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80` (RFC 4568 6.2).
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32` (RFC 4568 6.2).
    AesCm128HmacSha1_32,
    /// `AES_256_CM_HMAC_SHA1_80` (RFC 6188 2).
    AesCm256HmacSha1_80,
    /// `AES_256_CM_HMAC_SHA1_32` (RFC 6188 2).
    AesCm256HmacSha1_32,
    /// `AEAD_AES_128_GCM` (RFC 7714 14.2).
    AeadAes128Gcm,
    /// `AEAD_AES_256_GCM` (RFC 7714 14.2).
    AeadAes256Gcm,
}

impl Suite {
    /// All, the one to prefer first: authenticated encryption before the rest, a whole tag before a short one, and
    /// 128 bits first, which every peer has and nobody breaks.
    pub const ALL: [Suite; 6] = [
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm256HmacSha1_80,
        Suite::AesCm128HmacSha1_32,
        Suite::AesCm256HmacSha1_32,
    ];

    /// The name in session descriptions.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Suite::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Reads the name, in any case and also as some write it, with the length after the mode.
    pub fn from_name(name: &str) -> Option<Suite> {
        let name = name.to_ascii_uppercase().replace("AES_CM_256", "AES_256_CM");
        Suite::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Octets of the master key.
    pub fn key_length(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 | Suite::AeadAes128Gcm => 16,
            Suite::AesCm256HmacSha1_80 | Suite::AesCm256HmacSha1_32 | Suite::AeadAes256Gcm => 32,
        }
    }

    /// Octets of the master salt (RFC 3711 8.2, RFC 7714 12).
    pub fn salt_length(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets of what is agreed on: master key and salt.
    pub fn keying_length(self) -> usize {
        self.key_length().saturating_add(self.salt_length())
    }

    /// Octets a packet of RTP grows by, without an MKI.
    pub fn tag_length(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm256HmacSha1_80 => 10,
            Suite::AesCm128HmacSha1_32 | Suite::AesCm256HmacSha1_32 => 4,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 16,
        }
    }

    pub(super) fn is_aead(self) -> bool {
        matches!(self, Suite::AeadAes128Gcm | Suite::AeadAes256Gcm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_name(suite.name()), Some(suite));
            assert_eq!(Suite::from_name(&suite.name().to_lowercase()), Some(suite));
        }
        assert_eq!(Suite::from_name("AES_CM_256_HMAC_SHA1_80"), Some(Suite::AesCm256HmacSha1_80));
        assert_eq!(Suite::from_name("F8_128_HMAC_SHA1_80"), None);
        // RFC 4568 6.2, RFC 6188 3, RFC 7714 14.2: key and salt in one.
        let lengths = Suite::ALL.map(Suite::keying_length);
        assert_eq!(lengths, [28, 44, 30, 46, 30, 46]);
    }
}
