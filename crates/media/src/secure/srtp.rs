//! Both directions of one encrypted transport: RTP and RTCP in the clear on one side, SRTP and SRTCP on the other
//! (RFC 3711).
//!
//! Invariant: no index is used twice with one key, and nothing of a packet is believed before its tag is. How many
//! sources are remembered is bounded; one that is not proven takes nobody's place.

use super::{
    Keys, Suite,
    cipher::{CONTROL_HEADER, Transform, Use},
    window::{LAST_INDEX, Seen, Window},
};

/// Sources the other side may have at a time; the one that was silent longest is forgotten for a new one.
const SOURCES: usize = 16;
/// Sources of ours: one for each codec the call changes to. None is ever forgotten, or its indices might come again.
const OWN_SOURCES: usize = 1024;
/// RFC 3711 9.2: packets of SRTCP with one key.
const LAST_CONTROL_INDEX: u32 = (1 << 31) - 1;

/// Why a packet could not be encrypted. It must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unprotected {
    /// The keys are still being agreed on.
    #[error("no keys yet")]
    NoKeys,
    /// Keys will never come.
    #[error("no keys were agreed on")]
    Failed,
    /// No packet of RTP or RTCP.
    #[error("malformed packet")]
    Malformed,
    /// A packet of this number was encrypted before: a second one would give both away.
    #[error("repeated packet number")]
    Repeated,
    /// The key has encrypted all it may (RFC 3711 9.2).
    #[error("the key is used up")]
    Exhausted,
}

/// Why a packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// There are no keys to read it with.
    #[error("no keys yet")]
    NoKeys,
    /// No packet of SRTP or SRTCP.
    #[error("malformed packet")]
    Malformed,
    /// It names another key (MKI).
    #[error("another key")]
    OtherKey,
    /// Not made with the other side's key, or changed on the way.
    #[error("not authentic")]
    Forged,
    /// It came already.
    #[error("replayed")]
    Replayed,
    /// Older than what is remembered.
    #[error("too old")]
    TooOld,
}

impl From<Seen> for Rejected {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::Replayed => Rejected::Replayed,
            Seen::TooOld => Rejected::TooOld,
        }
    }
}

/// Both directions.
pub struct Srtp {
    sending: Sending,
    receiving: Receiving,
}

impl std::fmt::Debug for Srtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Srtp").field("suite", &self.suite()).finish_non_exhaustive()
    }
}

struct Sending {
    keys: Keys,
    rtp: Transform,
    rtcp: Transform,
    sources: Vec<Source>,
    /// Of the next packet of SRTCP, whatever its source: unique for the key.
    control_index: u32,
}

/// A stream of ours.
struct Source {
    ssrc: u32,
    /// Follows its packets' indices as a receiver does.
    window: Window,
}

struct Receiving {
    keys: Keys,
    rtp: Transform,
    rtcp: Transform,
    /// The one heard last comes last.
    sources: Vec<Source>,
    control_sources: Vec<Source>,
}

impl Srtp {
    /// `None` when keys don't fit their suite, which [`Keys`] does not allow.
    pub fn new(send: Keys, receive: Keys) -> Option<Srtp> {
        Some(Srtp { sending: Sending::new(send)?, receiving: Receiving::new(receive)? })
    }

    /// Goes on with these keys. A direction whose key stays keeps its counters, without which it could neither go on
    /// encrypting nor be understood.
    pub fn update(&mut self, send: Keys, receive: Keys) -> Option<()> {
        if self.sending.keys != send {
            self.sending = Sending::new(send)?;
        }
        if self.receiving.keys != receive {
            self.receiving = Receiving::new(receive)?;
        }
        Some(())
    }

    /// The suite packets are sent with.
    pub fn suite(&self) -> Suite {
        self.sending.keys.suite()
    }

    /// Encrypts a packet of RTP.
    ///
    /// # Errors
    /// It must not be sent.
    pub fn protect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Unprotected> {
        let (header, ssrc, sequence) = rtp_header(packet).ok_or(Unprotected::Malformed)?;
        let sending = &mut self.sending;
        let source = match sending.sources.iter_mut().position(|source| source.ssrc == ssrc) {
            Some(at) => at,
            None if sending.sources.len() >= OWN_SOURCES => return Err(Unprotected::Exhausted),
            None => {
                sending.sources.push(Source { ssrc, window: Window::default() });
                sending.sources.len().saturating_sub(1)
            }
        };
        let source = sending.sources.get_mut(source).ok_or(Unprotected::Malformed)?;
        let index = source.window.index(sequence);
        if index > LAST_INDEX {
            return Err(Unprotected::Exhausted);
        }
        source.window.check(index).map_err(|_| Unprotected::Repeated)?;
        source.window.take(index);
        sending.rtp.protect_rtp(packet, header, ssrc, index, sending.keys.mki()).ok_or(Unprotected::Malformed)
    }

    /// Encrypts a compound packet of RTCP.
    ///
    /// # Errors
    /// It must not be sent.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Unprotected> {
        let ssrc = rtcp_ssrc(packet).ok_or(Unprotected::Malformed)?;
        let sending = &mut self.sending;
        if sending.control_index > LAST_CONTROL_INDEX {
            return Err(Unprotected::Exhausted);
        }
        let index = sending.control_index;
        sending.control_index = index.saturating_add(1);
        sending.rtcp.protect_rtcp(packet, ssrc, index, sending.keys.mki()).ok_or(Unprotected::Malformed)
    }

    /// Decrypts a packet of SRTP.
    ///
    /// # Errors
    /// It is not the other side's, or came already; what is left of it is of no use.
    pub fn unprotect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Rejected> {
        let (header, ssrc, sequence) = rtp_header(packet).ok_or(Rejected::Malformed)?;
        let Receiving { keys, rtp, sources, .. } = &mut self.receiving;
        let mki = named_key(rtp, keys, packet)?;
        let known = sources.iter().position(|source| source.ssrc == ssrc);
        let window = known.and_then(|at| sources.get(at)).map_or_else(Window::default, |s| s.window.clone());
        let first = window.index(sequence);
        window.check(first)?;
        let index = if window.is_new() && sequence < FRESH {
            // Whoever began just before the counter turned over may have lost those packets.
            let mut copy = packet.clone();
            match rtp.unprotect_rtp(&mut copy, header, ssrc, first, mki) {
                Ok(()) => {
                    *packet = copy;
                    first
                }
                Err(_) => {
                    let second = first | 1 << 16;
                    rtp.unprotect_rtp(packet, header, ssrc, second, mki).map_err(|_| Rejected::Forged)?;
                    second
                }
            }
        } else {
            rtp.unprotect_rtp(packet, header, ssrc, first, mki).map_err(|_| Rejected::Forged)?;
            first
        };
        remember(sources, known, Source { ssrc, window }, index);
        Ok(())
    }

    /// Decrypts a packet of SRTCP.
    ///
    /// # Errors
    /// It is not the other side's, or came already; what is left of it is of no use.
    pub fn unprotect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Rejected> {
        let ssrc = rtcp_ssrc(packet).ok_or(Rejected::Malformed)?;
        let Receiving { keys, rtcp, control_sources: sources, .. } = &mut self.receiving;
        let mki = named_key(rtcp, keys, packet)?;
        let word = rtcp.control_word(packet, mki).ok_or(Rejected::Malformed)?;
        let index = u64::from(word & LAST_CONTROL_INDEX);
        let known = sources.iter().position(|source| source.ssrc == ssrc);
        let window = known.and_then(|at| sources.get(at)).map_or_else(Window::default, |s| s.window.clone());
        window.check(index)?;
        rtcp.unprotect_rtcp(packet, ssrc, word, mki).map_err(|_| Rejected::Forged)?;
        remember(sources, known, Source { ssrc, window }, index);
        Ok(())
    }
}

/// First sequence numbers that may be from after a turn of the counter.
const FRESH: u16 = 1 << 12;

impl Sending {
    fn new(keys: Keys) -> Option<Sending> {
        let (rtp, rtcp) = (Transform::new(&keys, Use::Rtp)?, Transform::new(&keys, Use::Rtcp)?);
        Some(Sending { keys, rtp, rtcp, sources: Vec::new(), control_index: 1 })
    }
}

impl Receiving {
    fn new(keys: Keys) -> Option<Receiving> {
        let (rtp, rtcp) = (Transform::new(&keys, Use::Rtp)?, Transform::new(&keys, Use::Rtcp)?);
        Some(Receiving { keys, rtp, rtcp, sources: Vec::new(), control_sources: Vec::new() })
    }
}

/// Takes an authentic packet's index, and its source to the end of the list.
fn remember(sources: &mut Vec<Source>, known: Option<usize>, mut source: Source, index: u64) {
    source.window.take(index);
    match known {
        Some(at) if at < sources.len() => {
            sources.remove(at);
        }
        _ if sources.len() >= SOURCES => {
            sources.remove(0);
        }
        _ => {}
    }
    sources.push(source);
}

/// The length of the MKI, which has to be that of the key there is.
fn named_key(transform: &Transform, keys: &Keys, packet: &[u8]) -> Result<usize, Rejected> {
    let mki = keys.mki();
    if mki.is_empty() {
        return Ok(0);
    }
    match transform.mki(packet, mki.len()) {
        Some(theirs) if theirs == mki => Ok(mki.len()),
        Some(_) => Err(Rejected::OtherKey),
        None => Err(Rejected::Malformed),
    }
}

/// Length of what stays in the clear (RFC 3550 5.1, 5.3.1), SSRC and sequence number. Padding is behind the encryption.
fn rtp_header(packet: &[u8]) -> Option<(usize, u32, u16)> {
    let &[first, _, s0, s1, _, _, _, _, a, b, c, d, ..] = packet else { return None };
    if first >> 6 != 2 {
        return None;
    }
    let sources = usize::from(first & 0x0f).checked_mul(4)?;
    let mut length = sources.checked_add(12)?;
    if first & 0x10 != 0 {
        let words = packet.get(length.checked_add(2)?..length.checked_add(4)?)?;
        let words = usize::from(u16::from_be_bytes(words.try_into().ok()?));
        length = length.checked_add(4)?.checked_add(words.checked_mul(4)?)?;
    }
    (length <= packet.len()).then(|| (length, u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([s0, s1])))
}

fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let &[first, _, _, _, a, b, c, d, ..] = packet else { return None };
    (first >> 6 == 2 && packet.len() >= CONTROL_HEADER).then(|| u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

    fn keys(suite: Suite, octet: u8) -> Keys {
        Keys::new(suite, &vec![octet; suite.keying_length()], &[]).unwrap()
    }

    fn pair(suite: Suite) -> (Srtp, Srtp) {
        let (a, b) = (keys(suite, 1), keys(suite, 2));
        (Srtp::new(a.clone(), b.clone()).unwrap(), Srtp::new(b, a).unwrap())
    }

    /// With a contributing source and an extension, as hard as headers get.
    fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x91, 0x08];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 160]);
        packet.extend(ssrc.to_be_bytes());
        packet.extend([9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        packet.extend(sequence.to_le_bytes().repeat(20));
        packet
    }

    fn report(ssrc: u32) -> Vec<u8> {
        [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes(), b"more of it, and more"].concat()
    }

    fn sealed(srtp: &mut Srtp, sequence: u16) -> Vec<u8> {
        let mut packet = packet(sequence, 7);
        srtp.protect_rtp(&mut packet).unwrap();
        packet
    }

    #[test]
    fn what_goes_in_comes_out_with_every_suite() {
        for suite in Suite::ALL {
            let (mut here, mut there) = pair(suite);
            for sequence in 0..50 {
                let mut sent = packet(sequence, 7);
                here.protect_rtp(&mut sent).unwrap();
                assert_eq!(sent.len(), packet(0, 7).len() + suite.tag_length());
                assert_eq!(sent[..24], packet(sequence, 7)[..24], "the header stays readable");
                assert_ne!(sent[24..64], packet(sequence, 7)[24..64]);
                there.unprotect_rtp(&mut sent).unwrap();
                assert_eq!(sent, packet(sequence, 7));
                let mut control = report(7);
                there.protect_rtcp(&mut control).unwrap();
                assert_ne!(control[8..28], report(7)[8..]);
                here.unprotect_rtcp(&mut control).unwrap();
                assert_eq!(control, report(7));
            }
        }
    }

    #[test]
    fn replayed_changed_and_foreign_packets_are_refused() {
        for suite in Suite::ALL {
            let (mut here, mut there) = pair(suite);
            let first = sealed(&mut here, 100);
            for bit in 0..first.len() * 8 {
                let mut changed = first.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(there.unprotect_rtp(&mut changed).is_err(), "{suite:?} bit {bit}");
            }
            // Our own packets, sent back to us.
            assert_eq!(here.unprotect_rtp(&mut first.clone()), Err(Rejected::Forged));
            assert_eq!(there.unprotect_rtp(&mut packet(100, 7)), Err(Rejected::Forged), "in the clear");
            there.unprotect_rtp(&mut first.clone()).unwrap();
            assert_eq!(there.unprotect_rtp(&mut first.clone()), Err(Rejected::Replayed));
            let mut control = report(7);
            here.protect_rtcp(&mut control).unwrap();
            for bit in 0..control.len() * 8 {
                let mut changed = control.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(there.unprotect_rtcp(&mut changed).is_err(), "{suite:?} control bit {bit}");
            }
            there.unprotect_rtcp(&mut control.clone()).unwrap();
            assert_eq!(there.unprotect_rtcp(&mut control.clone()), Err(Rejected::Replayed));
        }
    }

    #[test]
    fn late_packets_are_taken_within_the_window_only() {
        let (mut here, mut there) = pair(Suite::AeadAes128Gcm);
        let mut sent: Vec<Vec<u8>> = (0..=200).map(|sequence| sealed(&mut here, sequence)).collect();
        there.unprotect_rtp(&mut sent[200]).unwrap();
        there.unprotect_rtp(&mut sent[73]).unwrap();
        assert_eq!(there.unprotect_rtp(&mut sent[72]), Err(Rejected::TooOld));
    }

    #[test]
    fn the_counter_turns_over_under_loss_and_reordering() {
        let mut random = StdRng::seed_from_u64(5);
        for suite in [Suite::AesCm128HmacSha1_80, Suite::AeadAes256Gcm] {
            let (mut here, mut there) = pair(suite);
            let mut arriving = Vec::new();
            for step in 0..140_000u32 {
                let sequence = u16::try_from((32_700 + step) & 0xffff).unwrap();
                let sent = sealed(&mut here, sequence);
                if random.random_bool(0.8) {
                    arriving.push((sequence, sent));
                }
                if arriving.len() >= 40 {
                    arriving.shuffle(&mut random);
                    for (sequence, mut sent) in arriving.drain(..) {
                        assert_eq!(there.unprotect_rtp(&mut sent), Ok(()), "step {step}, number {sequence}");
                        assert_eq!(sent, packet(sequence, 7));
                    }
                }
            }
        }
    }

    #[test]
    fn who_missed_the_turn_is_still_understood() {
        let (mut here, mut there) = pair(Suite::AesCm128HmacSha1_80);
        sealed(&mut here, 65_534);
        let mut after = sealed(&mut here, 2);
        there.unprotect_rtp(&mut after).unwrap();
        let mut before = sealed(&mut here, 65_535);
        there.unprotect_rtp(&mut before).unwrap();
        assert_eq!(before, packet(65_535, 7));
    }

    #[test]
    fn no_number_is_encrypted_twice() {
        let (mut here, _) = pair(Suite::AeadAes128Gcm);
        sealed(&mut here, 10);
        assert_eq!(here.protect_rtp(&mut packet(10, 7)), Err(Unprotected::Repeated));
        // Another stream has numbers of its own.
        here.protect_rtp(&mut packet(10, 8)).unwrap();
        // The same keys again change nothing.
        here.update(keys(Suite::AeadAes128Gcm, 1), keys(Suite::AeadAes128Gcm, 9)).unwrap();
        assert_eq!(here.protect_rtp(&mut packet(10, 7)), Err(Unprotected::Repeated));
        here.sending.control_index = LAST_CONTROL_INDEX;
        here.protect_rtcp(&mut report(7)).unwrap();
        assert_eq!(here.protect_rtcp(&mut report(7)), Err(Unprotected::Exhausted));
        let mut window = Window::default();
        window.take(LAST_INDEX);
        here.sending.sources.push(Source { ssrc: 99, window });
        assert_eq!(here.protect_rtp(&mut packet(0, 99)), Err(Unprotected::Exhausted));
    }

    #[test]
    fn a_new_key_of_one_side_leaves_the_other_direction_alone() {
        let suite = Suite::AesCm256HmacSha1_80;
        let (mut here, mut there) = pair(suite);
        for sequence in [65_000, 65_400, 200] {
            there.unprotect_rtp(&mut sealed(&mut here, sequence)).unwrap();
        }
        here.update(keys(suite, 1), keys(suite, 3)).unwrap();
        there.update(keys(suite, 3), keys(suite, 1)).unwrap();
        there.unprotect_rtp(&mut sealed(&mut here, 201)).unwrap();
        here.unprotect_rtp(&mut sealed(&mut there, 1)).unwrap();
        let (_, mut old) = pair(suite);
        assert_eq!(here.unprotect_rtp(&mut sealed(&mut old, 2)), Err(Rejected::Forged));
    }

    #[test]
    fn strangers_cost_no_memory_and_take_nobodys_place() {
        let (mut here, mut there) = pair(Suite::AeadAes128Gcm);
        there.unprotect_rtp(&mut sealed(&mut here, 1)).unwrap();
        for ssrc in 0..1000 {
            let mut forged = [packet(1, ssrc), vec![0; 16]].concat();
            assert!(there.unprotect_rtp(&mut forged).is_err());
        }
        assert_eq!(there.receiving.sources.len(), 1);
        for ssrc in 100..200 {
            let mut proven = packet(1, ssrc);
            here.protect_rtp(&mut proven).unwrap();
            there.unprotect_rtp(&mut proven).unwrap();
        }
        assert_eq!(there.receiving.sources.len(), SOURCES);
        assert_eq!(there.receiving.sources.last().unwrap().ssrc, 199);
    }

    #[test]
    fn an_mki_has_to_be_the_agreed_one() {
        for suite in [Suite::AesCm128HmacSha1_32, Suite::AeadAes128Gcm] {
            let with = |mki: &[u8]| Keys::new(suite, &vec![1; suite.keying_length()], mki).unwrap();
            let mut here = Srtp::new(with(&[0, 1]), with(&[])).unwrap();
            let mut there = Srtp::new(with(&[]), with(&[0, 1])).unwrap();
            let mut other = Srtp::new(with(&[]), with(&[0, 2])).unwrap();
            let sent = sealed(&mut here, 5);
            assert_eq!(sent.len(), packet(5, 7).len() + suite.tag_length() + 2);
            assert_eq!(other.unprotect_rtp(&mut sent.clone()), Err(Rejected::OtherKey));
            let mut taken = sent;
            there.unprotect_rtp(&mut taken).unwrap();
            assert_eq!(taken, packet(5, 7));
            let mut control = report(7);
            here.protect_rtcp(&mut control).unwrap();
            assert_eq!(other.unprotect_rtcp(&mut control.clone()), Err(Rejected::OtherKey));
            there.unprotect_rtcp(&mut control).unwrap();
            assert_eq!(control, report(7));
        }
    }

    #[test]
    fn hostile_octets_never_panic_and_are_never_taken() {
        let mut random = StdRng::seed_from_u64(9);
        for suite in Suite::ALL {
            let (mut here, mut there) = pair(suite);
            let models = [sealed(&mut here, 1), packet(2, 7), report(7)];
            for round in 0..20_000 {
                let mut octets = models[round % 3].clone();
                octets.truncate(random.random_range(0..=octets.len()));
                for _ in 0..random.random_range(1..4) {
                    if let Some(at) = octets.len().checked_sub(1) {
                        let at = random.random_range(0..=at.min(16));
                        octets[at] = random.random();
                    }
                }
                if octets == models[0] {
                    continue;
                }
                assert!(there.unprotect_rtp(&mut octets.clone()).is_err());
                assert!(there.unprotect_rtcp(&mut octets.clone()).is_err());
                let _ = here.protect_rtp(&mut octets.clone());
                let _ = here.protect_rtcp(&mut octets);
            }
        }
    }
}
