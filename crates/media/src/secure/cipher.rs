//! The transforms: session keys from master keys, and packets with them.
//!
//! Everything here is about one packet whose index is known; which index it has and whether it was seen before is
//! the business of the context around it.

use super::Keys;
use aes::{Aes128, Aes256, cipher::KeyInit};
use aes_gcm::{
    Aes128Gcm, Aes256Gcm, Nonce, Tag,
    aead::{AeadInOut, inout::InOutBuf},
};
use ctr::{
    Ctr128BE,
    cipher::{InnerIvInit, StreamCipher, StreamCipherCoreWrapper},
};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// RFC 3711 5.2: the key of HMAC-SHA1 has 160 bits.
const AUTHENTICATION_KEY: usize = 20;
const GCM_TAG: usize = 16;
/// Of HMAC-SHA1 in SRTCP, whatever the suite (RFC 3711 5.2, RFC 4568 6.2.2).
const CONTROL_TAG: usize = 10;
/// An RTCP header with the sender's SSRC, which stays in the clear.
pub(super) const CONTROL_HEADER: usize = 8;
/// The E flag of SRTCP.
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// What a session key is for: the labels of RFC 3711 4.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Rtp,
    Rtcp,
}

/// The session keys of one direction and one use, and what is done with them.
pub(super) enum Transform {
    Counter { cipher: Box<Counter>, salt: [u8; 14], mac: Box<Hmac<Sha1>>, tag: usize },
    Gcm { cipher: Box<Gcm>, salt: [u8; 12] },
}

/// AES in the counter mode of RFC 3711 4.1.1.
pub(super) enum Counter {
    Aes128(Aes128),
    Aes256(Aes256),
}

pub(super) enum Gcm {
    Aes128(Aes128Gcm),
    Aes256(Aes256Gcm),
}

/// A packet that was not made with these keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forged;

impl Counter {
    fn new(key: &[u8]) -> Option<Counter> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Counter::Aes128),
            32 => Aes256::new_from_slice(key).ok().map(Counter::Aes256),
            _ => None,
        }
    }

    fn apply(&self, iv: [u8; 16], bytes: &mut [u8]) {
        match self {
            Counter::Aes128(aes) => {
                let core = ctr::CtrCore::inner_iv_init(aes.clone(), &iv.into());
                let mut stream: Ctr128BE<Aes128> = StreamCipherCoreWrapper::from_core(core);
                stream.apply_keystream(bytes);
            }
            Counter::Aes256(aes) => {
                let core = ctr::CtrCore::inner_iv_init(aes.clone(), &iv.into());
                let mut stream: Ctr128BE<Aes256> = StreamCipherCoreWrapper::from_core(core);
                stream.apply_keystream(bytes);
            }
        }
    }

    /// RFC 3711 4.3.1 with a derivation rate of 0; RFC 6188 for keys of 256 bits. The salts of RFC 7714 are filled up
    /// at their end (its erratum 4938).
    fn derive(&self, salt: &[u8], label: u8, length: usize) -> Zeroizing<Vec<u8>> {
        let mut iv = [0; 16];
        for (to, from) in iv.iter_mut().zip(salt) {
            *to = *from;
        }
        iv[7] ^= label;
        let mut key = Zeroizing::new(vec![0; length]);
        self.apply(iv, &mut key);
        key
    }
}

impl Gcm {
    fn seal(&self, nonce: [u8; 12], associated: &[u8], bytes: &mut [u8]) -> Option<[u8; GCM_TAG]> {
        let nonce = Nonce::from(nonce);
        let bytes = InOutBuf::from(bytes);
        let tag = match self {
            Gcm::Aes128(aes) => aes.encrypt_inout_detached(&nonce, associated, bytes),
            Gcm::Aes256(aes) => aes.encrypt_inout_detached(&nonce, associated, bytes),
        };
        tag.ok().map(Into::into)
    }

    fn open(&self, nonce: [u8; 12], associated: &[u8], bytes: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
        let nonce = Nonce::from(nonce);
        let tag = Tag::from(<[u8; GCM_TAG]>::try_from(tag).map_err(|_| Forged)?);
        let bytes = InOutBuf::from(bytes);
        let opened = match self {
            Gcm::Aes128(aes) => aes.decrypt_inout_detached(&nonce, associated, bytes, &tag),
            Gcm::Aes256(aes) => aes.decrypt_inout_detached(&nonce, associated, bytes, &tag),
        };
        opened.map_err(|_| Forged)
    }
}

impl Transform {
    /// The session keys of a master key; `None` never happens with keys of their suite's length.
    pub(super) fn new(keys: &Keys, purpose: Use) -> Option<Transform> {
        let first = if purpose == Use::Rtp { 0 } else { 3 };
        let master = Counter::new(keys.key())?;
        let derive = |label: u8, length| master.derive(keys.salt(), first + label, length);
        let suite = keys.suite();
        let (key, salt) = (derive(0, suite.key_length()), derive(2, suite.salt_length()));
        if suite.is_aead() {
            return Self::gcm(&key, &salt);
        }
        let tag = if purpose == Use::Rtp { suite.tag_length() } else { CONTROL_TAG };
        Self::counter(&key, &salt, &derive(1, AUTHENTICATION_KEY), tag)
    }

    fn gcm(key: &[u8], salt: &[u8]) -> Option<Transform> {
        let cipher = match key.len() {
            16 => Gcm::Aes128(Aes128Gcm::new_from_slice(key).ok()?),
            _ => Gcm::Aes256(Aes256Gcm::new_from_slice(key).ok()?),
        };
        Some(Transform::Gcm { cipher: Box::new(cipher), salt: salt.try_into().ok()? })
    }

    fn counter(key: &[u8], salt: &[u8], authentication: &[u8], tag: usize) -> Option<Transform> {
        let mac = Box::new(<Hmac<Sha1> as KeyInit>::new_from_slice(authentication).ok()?);
        Some(Transform::Counter {
            cipher: Box::new(Counter::new(key)?),
            salt: salt.try_into().ok()?,
            mac,
            tag,
        })
    }

    /// Encrypts what follows the first `header` octets, and appends MKI and tag.
    pub(super) fn protect_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        ssrc: u32,
        index: u64,
        mki: &[u8],
    ) -> Option<()> {
        let (clear, payload) = packet.split_at_mut_checked(header)?;
        match self {
            Transform::Counter { cipher, salt, mac, tag } => {
                cipher.apply(counter_iv(salt, ssrc, index), payload);
                let mac =
                    mac.as_ref().clone().chain_update(&*packet).chain_update(rollover(index)).finalize();
                packet.extend_from_slice(mki);
                packet.extend_from_slice(mac.into_bytes().get(..*tag)?);
            }
            Transform::Gcm { cipher, salt } => {
                let tag = cipher.seal(rtp_nonce(salt, ssrc, index), clear, payload)?;
                packet.extend_from_slice(&tag);
                // RFC 7714 8.2: after the cipher text, of which the tag is a part.
                packet.extend_from_slice(mki);
            }
        }
        Some(())
    }

    /// Undoes that; a packet that is not taken is left in no state to be used. The MKI is the caller's to look at.
    pub(super) fn unprotect_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        ssrc: u32,
        index: u64,
        mki: usize,
    ) -> Result<(), Forged> {
        match self {
            Transform::Counter { cipher, salt, mac, tag } => {
                let tagged = packet.len().checked_sub(*tag).ok_or(Forged)?;
                let end = tagged.checked_sub(mki).ok_or(Forged)?;
                let (rest, theirs) = packet.split_at_checked(tagged).ok_or(Forged)?;
                let authenticated = rest.get(..end).ok_or(Forged)?;
                let mac = mac.as_ref().clone().chain_update(authenticated).chain_update(rollover(index));
                // Compares in constant time.
                mac.verify_truncated_left(theirs).map_err(|_| Forged)?;
                packet.truncate(end);
                cipher.apply(counter_iv(salt, ssrc, index), packet.get_mut(header..).ok_or(Forged)?);
            }
            Transform::Gcm { cipher, salt } => {
                let end = packet.len().checked_sub(mki.saturating_add(GCM_TAG)).ok_or(Forged)?;
                let (packet_part, trailer) = packet.split_at_mut_checked(end).ok_or(Forged)?;
                let (clear, payload) = packet_part.split_at_mut_checked(header).ok_or(Forged)?;
                let tag = trailer.get(..GCM_TAG).ok_or(Forged)?;
                cipher.open(rtp_nonce(salt, ssrc, index), clear, payload, tag)?;
                packet.truncate(end);
            }
        }
        Ok(())
    }

    /// The same for a compound RTCP packet; `index` has 31 bits.
    pub(super) fn protect_rtcp(&self, packet: &mut Vec<u8>, ssrc: u32, index: u32, mki: &[u8]) -> Option<()> {
        let word = (index | ENCRYPTED).to_be_bytes();
        let (clear, rest) = packet.split_at_mut_checked(CONTROL_HEADER)?;
        match self {
            Transform::Counter { cipher, salt, mac, tag } => {
                cipher.apply(counter_iv(salt, ssrc, u64::from(index)), rest);
                packet.extend_from_slice(&word);
                let mac = mac.as_ref().clone().chain_update(&*packet).finalize();
                packet.extend_from_slice(mki);
                packet.extend_from_slice(mac.into_bytes().get(..*tag)?);
            }
            Transform::Gcm { cipher, salt } => {
                // RFC 7714 9.2: header and index word are authenticated beside the cipher text.
                let associated = [&*clear, &word].concat();
                let tag = cipher.seal(rtcp_nonce(salt, ssrc, index), &associated, rest)?;
                packet.extend_from_slice(&tag);
                packet.extend_from_slice(&word);
                packet.extend_from_slice(mki);
            }
        }
        Some(())
    }

    /// Undoes that. The word is the one [`Self::control_word`] found.
    pub(super) fn unprotect_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: u32,
        mki: usize,
    ) -> Result<(), Forged> {
        let (index, encrypted) = (word & !ENCRYPTED, word & ENCRYPTED != 0);
        match self {
            Transform::Counter { cipher, salt, mac, tag } => {
                let tagged = packet.len().checked_sub(*tag).ok_or(Forged)?;
                let end = tagged.checked_sub(mki).ok_or(Forged)?;
                let (rest, theirs) = packet.split_at_checked(tagged).ok_or(Forged)?;
                let mac = mac.as_ref().clone().chain_update(rest.get(..end).ok_or(Forged)?);
                mac.verify_truncated_left(theirs).map_err(|_| Forged)?;
                packet.truncate(end.checked_sub(4).ok_or(Forged)?);
                if encrypted {
                    let rest = packet.get_mut(CONTROL_HEADER..).ok_or(Forged)?;
                    cipher.apply(counter_iv(salt, ssrc, u64::from(index)), rest);
                }
            }
            Transform::Gcm { cipher, salt } => {
                let end = packet.len().checked_sub(mki.saturating_add(GCM_TAG + 4)).ok_or(Forged)?;
                let (packet_part, trailer) = packet.split_at_mut_checked(end).ok_or(Forged)?;
                let tag = trailer.get(..GCM_TAG).ok_or(Forged)?;
                let clear = if encrypted { CONTROL_HEADER } else { end };
                let (clear, rest) = packet_part.split_at_mut_checked(clear).ok_or(Forged)?;
                // RFC 7714 9.3: not encrypted, the whole packet is authenticated beside nothing.
                let associated = [&*clear, &word.to_be_bytes()].concat();
                cipher.open(rtcp_nonce(salt, ssrc, index), &associated, rest, tag)?;
                packet.truncate(end);
            }
        }
        Ok(())
    }

    /// Where the word with E flag and index stands in a packet of SRTCP.
    pub(super) fn control_word(&self, packet: &[u8], mki: usize) -> Option<u32> {
        let behind = match self {
            Transform::Counter { tag, .. } => mki.checked_add(*tag)?,
            Transform::Gcm { .. } => mki,
        };
        let end = packet.len().checked_sub(behind)?;
        let word = packet.get(end.checked_sub(4)?..end)?;
        Some(u32::from_be_bytes(word.try_into().ok()?))
    }

    /// The MKI of a packet, where packets carry one of this length.
    pub(super) fn mki<'a>(&self, packet: &'a [u8], length: usize) -> Option<&'a [u8]> {
        let behind = match self {
            Transform::Counter { tag, .. } => *tag,
            Transform::Gcm { .. } => 0,
        };
        let end = packet.len().checked_sub(behind)?;
        packet.get(end.checked_sub(length)?..end)
    }
}

/// RFC 3711 4.2: the roll-over counter is authenticated, though it is not sent.
fn rollover(index: u64) -> [u8; 4] {
    let [_, _, a, b, c, d, ..] = index.to_be_bytes();
    [a, b, c, d]
}

/// RFC 3711 4.1.1: salt, SSRC and index, each in its place above the block counter.
fn counter_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let salt = salt.iter().fold(0u128, |number, octet| number << 8 | u128::from(*octet)) << 16;
    (salt ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16).to_be_bytes()
}

/// RFC 7714 8.1.
fn rtp_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    nonce(salt, u128::from(ssrc) << 48 | u128::from(index))
}

/// RFC 7714 9.1.
fn rtcp_nonce(salt: &[u8; 12], ssrc: u32, index: u32) -> [u8; 12] {
    nonce(salt, u128::from(ssrc) << 48 | u128::from(index))
}

fn nonce(salt: &[u8; 12], number: u128) -> [u8; 12] {
    let salt = salt.iter().fold(0u128, |number, octet| number << 8 | u128::from(*octet));
    let [_, _, _, _, nonce @ ..] = (salt ^ number).to_be_bytes();
    nonce
}

#[cfg(test)]
mod tests {
    use super::super::Suite;
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    }

    /// The first three and the last three blocks of the 65282 that a packet may have.
    fn key_stream(key: &str, first: &str, last: &str) {
        let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
        let mut stream = vec![0; 65282 * 16];
        Counter::new(&hex(key)).unwrap().apply(counter_iv(&salt, 0, 0), &mut stream);
        assert_eq!(stream[..48], hex(first));
        assert_eq!(stream[stream.len() - 48..], hex(last));
    }

    #[test]
    fn key_stream_of_rfc_3711_b_2() {
        key_stream(
            "2B7E151628AED2A6ABF7158809CF4F3C",
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
            "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44",
        );
    }

    #[test]
    fn key_stream_of_rfc_6188_7_1() {
        key_stream(
            "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98",
            "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31",
            "cea518c90fd91ced9cbb18c078a54711 3dbc4814f4da5f00a08772b63c6a046d 6eb246913062a16891433e97dd01a57f",
        );
    }

    #[test]
    fn key_derivation_of_rfc_3711_b_3() {
        let master = Counter::new(&hex("E1F97A0D3E018BE0D64FA32C06DE4139")).unwrap();
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        assert_eq!(*master.derive(&salt, 0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(*master.derive(&salt, 2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication = "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
            E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
            6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";
        assert_eq!(*master.derive(&salt, 1, 94), hex(authentication));
    }

    #[test]
    fn key_derivation_of_rfc_6188_7_2() {
        let master = "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6";
        let master = Counter::new(&hex(master)).unwrap();
        let salt = hex("3b04803de51ee7c96423ab5b78d2");
        let key = "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4";
        assert_eq!(*master.derive(&salt, 0, 32), hex(key));
        assert_eq!(*master.derive(&salt, 2, 14), hex("fa31791685ca444a9e07c6c64e93"));
        assert_eq!(*master.derive(&salt, 1, 20), hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
    }

    const GCM_SALT: &[u8] = b"Quid pro quo";

    fn gcm(length: u8) -> Transform {
        let key: Vec<u8> = (0..length).collect();
        Transform::gcm(&key, GCM_SALT).unwrap()
    }

    #[test]
    fn packets_of_rfc_7714_16() {
        let plain =
            [&hex("8040f17b 8041f8d3 5501a0b2")[..], b"Gallia est omnis divisa in partes tres"].concat();
        for (length, protected) in [
            (
                16,
                "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
                 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
            ),
            (
                32,
                "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
                 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
            ),
        ] {
            let (transform, mut packet) = (gcm(length), plain.clone());
            transform.protect_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b, &[]).unwrap();
            assert_eq!(packet, hex(protected));
            transform.unprotect_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b, 0).unwrap();
            assert_eq!(packet, plain);
        }
    }

    #[test]
    fn packets_of_rfc_7714_17() {
        let plain =
            "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
             deadbeef deadbeef deadbeef";
        let mars = u32::from_be_bytes(*b"Mars");
        for (length, protected) in [
            (
                16,
                "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
                 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
            ),
            (
                32,
                "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
                 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
            ),
        ] {
            let (transform, mut packet) = (gcm(length), hex(plain));
            transform.protect_rtcp(&mut packet, mars, 0x5d4, &[]).unwrap();
            assert_eq!(packet, hex(protected));
            assert_eq!(transform.control_word(&packet, 0), Some(0x8000_05d4));
            transform.unprotect_rtcp(&mut packet, mars, 0x8000_05d4, 0).unwrap();
            assert_eq!(packet, hex(plain));
        }
        // 17.3: authenticated and not encrypted.
        let mut tagged = [&hex(plain)[..], &hex("841dd968 3dd78ec9 2ae58790 125f62b3 000005d4")].concat();
        assert_eq!(gcm(16).control_word(&tagged, 0), Some(0x5d4));
        gcm(16).unprotect_rtcp(&mut tagged, mars, 0x5d4, 0).unwrap();
        assert_eq!(tagged, hex(plain));
    }

    #[test]
    fn each_use_has_keys_of_its_own() {
        for suite in Suite::ALL {
            let keys = Keys::new(suite, &vec![3; suite.keying_length()], &[]).unwrap();
            let mut rtp = vec![0x80; 40];
            let mut rtcp = vec![0x80; 40];
            Transform::new(&keys, Use::Rtp).unwrap().protect_rtp(&mut rtp, 8, 0, 0, &[]).unwrap();
            Transform::new(&keys, Use::Rtcp).unwrap().protect_rtcp(&mut rtcp, 0, 0, &[]).unwrap();
            assert_ne!(rtp[8..40], rtcp[8..40], "{suite:?}");
            assert_eq!(rtp.len(), 40 + suite.tag_length());
        }
    }
}
