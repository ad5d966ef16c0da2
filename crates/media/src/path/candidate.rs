//! Addresses at which one side may be reached (RFC 8445 section 5.1). Their text form is SDP's, not ours.

use std::net::SocketAddr;

use crate::PacketKind;

/// One address, with what the other side needs to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which of the two protocols' packets it takes; component 1 is RTP, 2 is RTCP.
    pub component: PacketKind,
    /// Equal for those of the same kind, base address and server (RFC 8445 section 5.1.1.3).
    pub foundation: String,
    /// The higher, the better.
    pub priority: u32,
    /// Where to send.
    pub address: SocketAddr,
    /// How it was found.
    pub kind: CandidateKind,
    /// The address it was found from, for those who look for faults; no check uses it.
    pub related: Option<SocketAddr>,
}

/// How an address was found, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// A socket's own.
    Host,
    /// What a check showed (prflx).
    PeerReflexive,
    /// What a STUN server saw (srflx).
    ServerReflexive,
    /// On a TURN server.
    Relayed,
}

/// A fragment of a user name and a password: every check is signed with them (RFC 8445 section 5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `ice-ufrag`, 4 to 256 characters.
    pub fragment: String,
    /// `ice-pwd`, 22 to 256 characters.
    pub password: String,
}

impl IceCredentials {
    /// New ones, 48 and 144 bits of `random` (RFC 8445 section 5.3 asks for 24 and 128).
    pub fn random(random: &mut impl rand::Rng) -> Self {
        Self { fragment: text(random, 8), password: text(random, 24) }
    }
}

impl std::fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceCredentials({})", self.fragment)
    }
}

impl CandidateKind {
    /// RFC 8445 section 5.1.2.2.
    fn preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }
}

/// The component's number (RFC 8445 section 4).
pub(super) fn number(component: PacketKind) -> u32 {
    match component {
        PacketKind::Rtp => 1,
        PacketKind::Rtcp => 2,
    }
}

/// RFC 8445 section 5.1.2.1; IPv6 first where both exist (RFC 8421 section 4). `place` counts the addresses of a component
/// and family: no two of a kind may be preferred alike.
pub(super) fn priority(kind: CandidateKind, component: PacketKind, address: SocketAddr, place: usize) -> u32 {
    let family = if address.is_ipv6() { 65_535_u32 } else { 65_534 };
    let local = family.saturating_sub(u32::try_from(place).unwrap_or(u32::MAX).saturating_mul(2));
    kind.preference() << 24 | local << 8 | (256 - number(component))
}

/// The characters of `ice-char` (RFC 8839 section 5.4).
fn text(random: &mut impl rand::Rng, length: usize) -> String {
    const CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..length)
        .filter_map(|_| CHARS.get(random.random_range(0..CHARS.len())))
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn priorities_are_those_of_the_rfc() {
        let v4: SocketAddr = "192.0.2.1:4000".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::1]:4000".parse().unwrap();
        // The example of RFC 8445 section 5.1.2.1 with this side's local preference.
        assert_eq!(
            priority(CandidateKind::Host, PacketKind::Rtp, v6, 0),
            126 * (1 << 24) + 65_535 * (1 << 8) + 255
        );
        assert_eq!(
            priority(CandidateKind::Host, PacketKind::Rtp, v4, 0)
                - priority(CandidateKind::Host, PacketKind::Rtcp, v4, 0),
            1
        );
        assert!(
            priority(CandidateKind::ServerReflexive, PacketKind::Rtcp, v4, 3)
                > priority(CandidateKind::Relayed, PacketKind::Rtp, v6, 0)
        );
        // Section 5.1.2.1: of a computer with several addresses each must be preferred differently.
        let several = [(v6, 0), (v4, 0), (v6, 1), (v4, 1), (v6, 2)];
        let several = several.map(|(at, place)| priority(CandidateKind::Host, PacketKind::Rtp, at, place));
        assert!(several.windows(2).all(|pair| pair[0] > pair[1]), "{several:?}");
    }

    #[test]
    fn credentials_are_long_enough_of_the_right_letters_and_unseen_in_logs() {
        let credentials = IceCredentials::random(&mut StdRng::seed_from_u64(8445));
        assert!(credentials.fragment.len() >= 4 && credentials.password.len() >= 22);
        let all = format!("{}{}", credentials.fragment, credentials.password);
        assert!(all.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/'), "{all}");
        assert!(!format!("{credentials:?}").contains(&credentials.password));
    }
}
