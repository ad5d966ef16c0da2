//! Where packets go: the addresses a description names, whether RTCP shares RTP's port (RFC 5761), and the candidates
//! of connectivity checks (RFC 8839). The checks themselves are made elsewhere.

use crate::wire::sdp::{Attribute, Media, SessionDescription};
use std::net::{IpAddr, SocketAddr};

/// Candidates read of one description; more are of no use to anybody's checks (RFC 8445 6.1.2.5).
pub(super) const MAX_CANDIDATES: usize = 64;
pub(super) const END: &str = "end-of-candidates";

/// What this side can do about addresses, besides the one RTP comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportCapabilities {
    /// Where RTCP is received, where that is not one port above RTP (RFC 3605).
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP may share RTP's port.
    pub rtcp_mux: bool,
    /// Connectivity checks.
    pub ice: Option<IceDescription>,
}

/// One side's part in connectivity checks (RFC 8839 5).
#[derive(Clone, PartialEq, Eq)]
pub struct IceDescription {
    /// `ice-ufrag`.
    pub fragment: String,
    /// `ice-pwd`.
    pub password: String,
    /// Whether it makes no checks of its own (`ice-lite`).
    pub lite: bool,
    /// What later messages call the section, where addresses are taken and told after the description, too
    /// (`ice-options:trickle`, RFC 8838 3; `mid`, RFC 5888 4). Empty where a peer gives it no name.
    pub trickle: Option<String>,
    /// Whether these are all (`end-of-candidates`).
    pub complete: bool,
    /// Its addresses.
    pub candidates: Vec<Candidate>,
}

/// An address to check (RFC 8839 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Equal for those that rise and fall together.
    pub foundation: String,
    /// 1 for RTP, 2 for RTCP.
    pub component: u8,
    /// The higher, the better.
    pub priority: u32,
    /// UDP.
    pub address: SocketAddr,
    /// How it was found.
    pub kind: CandidateKind,
    /// What it was found from.
    pub related: Option<SocketAddr>,
}

/// `typ` of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// `host`
    Host,
    /// `srflx`
    ServerReflexive,
    /// `prflx`
    PeerReflexive,
    /// `relay`
    Relayed,
}

/// What was settled about addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgreedTransport {
    /// RTCP shares RTP's port.
    pub rtcp_mux: bool,
    /// Both sides make checks.
    pub ice: Option<AgreedIce>,
}

/// Checks both sides make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedIce {
    /// Our credentials, as the description that was sent names them.
    pub local: (String, String),
    /// The other side.
    pub remote: IceDescription,
    /// Whether this side chooses the way (RFC 8445 6.1.1).
    pub controlling: bool,
    /// What the section is called in messages with further addresses (`mid`, RFC 5888 4); `None` where one of the two
    /// sides takes none.
    pub trickle: Option<String>,
}

impl std::fmt::Debug for IceDescription {
    // The password signs the checks.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceDescription({}, {:?})", self.fragment, self.candidates)
    }
}

impl Candidate {
    /// Reads the value of `a=candidate`. `None` for what this side can't check: other transports than UDP, names
    /// (RFC 8839 5.1 has an agent leave them out, mDNS ones among them), kinds and components it does not know.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let foundation = words.next().filter(|f| f.len() <= 32)?.to_owned();
        let component = words.next()?.parse().ok().filter(|c| (1..=2).contains(c))?;
        words.next().filter(|t| t.eq_ignore_ascii_case("UDP"))?;
        let priority = words.next()?.parse().ok().filter(|p| *p > 0)?;
        let ip: IpAddr = words.next()?.parse().ok()?;
        let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
        words.next().filter(|t| t.eq_ignore_ascii_case("typ"))?;
        let kind = CandidateKind::parse(words.next()?)?;
        let (mut host, mut related_port) = (None, None);
        // RFC 8839 5.1: pairs of name and value, of which unknown ones are passed over.
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            match name {
                "raddr" => host = value.parse::<IpAddr>().ok(),
                "rport" => related_port = value.parse().ok(),
                _ => {}
            }
        }
        let related = host.zip(related_port).map(|(ip, port)| SocketAddr::new(ip, port));
        Some(Self { foundation, component, priority, address: SocketAddr::new(ip, port), kind, related })
    }
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { foundation, component, priority, address, kind, related } = self;
        write!(f, "{foundation} {component} UDP {priority} {} {}", address.ip(), address.port())?;
        write!(f, " typ {}", kind.as_str())?;
        match related {
            Some(related) => write!(f, " raddr {} rport {}", related.ip(), related.port()),
            None => Ok(()),
        }
    }
}

impl CandidateKind {
    const ALL: [Self; 4] = [Self::Host, Self::ServerReflexive, Self::PeerReflexive, Self::Relayed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// What an offer says about addresses beside `c=` and `m=`.
pub(super) fn offered(rtp: SocketAddr, transport: &TransportCapabilities) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = rtcp(rtp, transport).into_iter().collect();
    if transport.rtcp_mux {
        attributes.push(Attribute::flag("rtcp-mux"));
    }
    if let Some(ice) = &transport.ice {
        attributes.extend(described(ice, None, ice.trickle.as_deref()));
    }
    attributes
}

/// What the answer to a section says, and what it settles.
pub(super) fn answered(
    offer: &SessionDescription,
    theirs: &Media,
    rtp: SocketAddr,
    transport: &TransportCapabilities,
) -> (Vec<Attribute>, AgreedTransport) {
    // RFC 5761 5.1.1: only where it was offered.
    let rtcp_mux = transport.rtcp_mux && flagged(&theirs.attributes, "rtcp-mux");
    let first = if rtcp_mux { Some(Attribute::flag("rtcp-mux")) } else { rtcp(rtp, transport) };
    let mut attributes: Vec<Attribute> = first.into_iter().collect();
    let ice = match (&transport.ice, read(offer, theirs)) {
        (Some(_), Ice::Mismatch) => {
            // RFC 8839 4.2.5: something on the way changed the addresses; the candidates don't know of it.
            attributes.push(Attribute::flag("ice-mismatch"));
            None
        }
        (Some(ours), Ice::Described(remote)) => {
            let named = remote.trickle.clone().filter(|mid| !mid.is_empty());
            let trickle = named.filter(|_| ours.trickle.is_some());
            attributes.extend(described(ours, rtcp_mux.then_some(1), trickle.as_deref()));
            let controlling = remote.lite;
            let local = (ours.fragment.clone(), ours.password.clone());
            Some(AgreedIce { local, remote, controlling, trickle })
        }
        (None, _) | (_, Ice::None) => None,
    };
    (attributes, AgreedTransport { rtcp_mux, ice })
}

/// What the answer to our own offer settles.
pub(super) fn agreed(
    offer: &SessionDescription,
    ours: &Media,
    answer: &SessionDescription,
    theirs: &Media,
) -> AgreedTransport {
    let local = || {
        let value = |name| Some(offer.attribute_of(ours, name)?.to_owned());
        Some((value("ice-ufrag")?, value("ice-pwd")?))
    };
    let ice = match (local(), read(answer, theirs)) {
        (Some(local), Ice::Described(remote)) => {
            let both = says_trickle(offer, ours) && remote.trickle.is_some();
            let mid = ours.attribute("mid").filter(|_| both);
            let trickle = mid.map(str::to_owned);
            Some(AgreedIce { local, remote, controlling: true, trickle })
        }
        _ => None,
    };
    let rtcp_mux = flagged(&ours.attributes, "rtcp-mux") && flagged(&theirs.attributes, "rtcp-mux");
    AgreedTransport { rtcp_mux, ice }
}

/// Where the other side's packets come from and ours go to; `None` while it takes none.
pub(super) fn remote(
    description: &SessionDescription,
    media: &Media,
    transport: &AgreedTransport,
) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let Some(ip) = description.connection_of(media).filter(|ip| !ip.is_unspecified()) else {
        // RFC 8840 4.1.1: who trickles may name no address yet; checks will.
        let first = transport.ice.as_ref().and_then(|ice| ice.remote.candidates.first());
        let address = first.map(|candidate| candidate.address);
        return (address, address);
    };
    let rtp = SocketAddr::new(ip, media.port);
    let rtcp = if transport.rtcp_mux { Some(rtp) } else { rtcp_address(ip, media) };
    (Some(rtp), rtcp)
}

/// One description's part in checks.
enum Ice {
    None,
    /// Its addresses are not those it has candidates for.
    Mismatch,
    Described(IceDescription),
}

fn read(description: &SessionDescription, media: &Media) -> Ice {
    let value = |name| description.attribute_of(media, name).map(str::to_owned);
    // RFC 8839 5.4: at least 4 and 22 characters; checks of others would never be signed right.
    let (Some(fragment), Some(password)) = (
        value("ice-ufrag").filter(|fragment| (4..=256).contains(&fragment.len())),
        value("ice-pwd").filter(|password| (22..=256).contains(&password.len())),
    ) else {
        return Ice::None;
    };
    if flagged(&media.attributes, "ice-mismatch") || flagged(&description.attributes, "ice-mismatch") {
        return Ice::None;
    }
    let candidates: Vec<Candidate> =
        media.attributes_named("candidate").filter_map(Candidate::parse).take(MAX_CANDIDATES).collect();
    let trickle = says_trickle(description, media);
    // RFC 8840 4.1.3: who trickles may have nothing to name yet, and does so by 0.0.0.0 and port 9.
    let nowhere = trickle && media.port == 9;
    let ip = description.connection_of(media);
    let named =
        |c: &Candidate| c.component == 1 && Some(c.address.ip()) == ip && c.address.port() == media.port;
    if !nowhere && !candidates.iter().any(named) {
        return Ice::Mismatch;
    }
    let lite = flagged(&description.attributes, "ice-lite");
    let trickle = trickle.then(|| media.attribute("mid").unwrap_or_default().to_owned());
    let complete = flagged(&media.attributes, END) || flagged(&description.attributes, END);
    Ice::Described(IceDescription { fragment, password, lite, trickle, complete, candidates })
}

/// Whether whoever offers this takes addresses that are told after the answer (RFC 8838 3), and says how to name its
/// section for sound.
pub fn trickles(offer: &SessionDescription) -> bool {
    offer.audio().is_some_and(|media| says_trickle(offer, media) && media.attribute("mid").is_some())
}

/// Whether a description's author tells and takes further addresses.
fn says_trickle(description: &SessionDescription, media: &Media) -> bool {
    let options = description.attribute_of(media, "ice-options").unwrap_or_default();
    options.split_ascii_whitespace().any(|option| option == "trickle")
}

/// Our part in checks; the candidates of one component, or of both. `mid`: more may follow.
fn described(ice: &IceDescription, component: Option<u8>, mid: Option<&str>) -> Vec<Attribute> {
    let mut attributes = vec![
        Attribute::new("ice-ufrag", ice.fragment.clone()),
        Attribute::new("ice-pwd", ice.password.clone()),
        // RFC 8839 5.6: by `ice2` an agent of RFC 8445 is known.
        Attribute::new("ice-options", if mid.is_some() { "ice2 trickle" } else { "ice2" }.to_owned()),
    ];
    // RFC 8840 4.3: by it later messages name the section.
    attributes.extend(mid.map(|mid| Attribute::new("mid", mid.to_owned())));
    let chosen = ice.candidates.iter().filter(|c| component.is_none_or(|component| c.component == component));
    attributes.extend(chosen.map(|candidate| Attribute::new("candidate", candidate.to_string())));
    // RFC 8840 4.4: nobody needs to wait for more.
    if ice.complete || mid.is_none() {
        attributes.push(Attribute::flag(END));
    }
    attributes
}

/// RFC 3605, where the port of RTCP is not the next one.
fn rtcp(rtp: SocketAddr, transport: &TransportCapabilities) -> Option<Attribute> {
    let rtcp = transport.rtcp?;
    let next = rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port));
    if Some(rtcp) == next {
        return None;
    }
    let family = if rtcp.is_ipv6() { "IP6" } else { "IP4" };
    Some(Attribute::new("rtcp", format!("{} IN {family} {}", rtcp.port(), rtcp.ip())))
}

fn flagged(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.name == name)
}

/// RFC 3605 `a=rtcp:port [IN IP4 address]`.
fn rtcp_address(ip: IpAddr, media: &Media) -> Option<SocketAddr> {
    let Some(value) = media.attribute("rtcp") else {
        return Some(SocketAddr::new(ip, media.port.checked_add(1)?));
    };
    let mut parts = value.split_ascii_whitespace();
    let port = parts.next()?.parse().ok()?;
    let ip = parts.nth(2).and_then(|a| a.parse().ok()).unwrap_or(ip);
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{capabilities, pcmu};
    use super::super::{Agreed, AudioCapabilities, agree, answer, offer};
    use super::*;

    const PASSWORD: &str = "asd88fgpdd777uzjYhagZg";

    fn candidate(component: u8, address: &str, kind: CandidateKind) -> Candidate {
        let related = (kind != CandidateKind::Host).then(|| "10.0.1.1:8998".parse().unwrap());
        let address = address.parse().unwrap();
        Candidate { foundation: "1".into(), component, priority: 2_130_706_431, address, kind, related }
    }

    /// A side at 192.0.2.7 that makes checks.
    fn checking(port: u16, mux: bool) -> AudioCapabilities {
        let mut side = capabilities(port, vec![pcmu()]);
        let candidates = vec![
            candidate(1, &format!("192.0.2.7:{port}"), CandidateKind::Host),
            candidate(2, &format!("192.0.2.7:{}", port + 1), CandidateKind::Host),
        ];
        let fragment = format!("f{port}");
        let password = PASSWORD.into();
        let ice =
            IceDescription { fragment, password, lite: false, trickle: None, complete: true, candidates };
        side.transport = TransportCapabilities { rtcp: None, rtcp_mux: mux, ice: Some(ice) };
        side
    }

    fn read_sdp(text: &str) -> SessionDescription {
        SessionDescription::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn candidates_are_read_as_the_rfc_and_sloppy_peers_write_them() {
        let check = |text: &str, expected: &str| {
            let read = Candidate::parse(text).map(|c| c.to_string());
            assert_eq!(read.unwrap_or_default(), expected, "{text}");
        };
        // RFC 8839 5.1
        for same in [
            "1 1 UDP 2130706431 203.0.113.141 8998 typ host",
            "2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998",
            "1 2 UDP 2130706430 2001:db8:8101:3a55:4858:a2a9:22ff:99b9 9002 typ host",
            "r 1 UDP 5 192.0.2.9 50000 typ relay raddr 192.0.2.3 rport 45664",
        ] {
            check(same, same);
        }
        check(
            "1 1 udp 1 192.0.2.1 4 typ Host generation 0 ufrag x network-id 1",
            "1 1 UDP 1 192.0.2.1 4 typ host",
        );
        check("1 1 UDP 1 192.0.2.1 4 typ srflx raddr x rport 9", "1 1 UDP 1 192.0.2.1 4 typ srflx");
        for none in [
            "",
            "1 1 UDP 1 4d6b5b2a-0c5e.local 4 typ host",
            "1 1 UDP 1 phone.example.org 4 typ host",
            "1 1 TCP 1 192.0.2.1 9 typ host tcptype active",
            "1 3 UDP 1 192.0.2.1 4 typ host",
            "1 0 UDP 1 192.0.2.1 4 typ host",
            "1 1 UDP 0 192.0.2.1 4 typ host",
            "1 1 UDP 4294967296 192.0.2.1 4 typ host",
            "1 1 UDP 1 192.0.2.1 0 typ host",
            "1 1 UDP 1 192.0.2.1 70000 typ host",
            "1 1 UDP 1 192.0.2.1 4 typ odd",
            "1 1 UDP 1 192.0.2.1 4",
            "111111111111111111111111111111111 1 UDP 1 192.0.2.1 4 typ host",
        ] {
            check(none, "");
        }
    }

    #[test]
    fn both_sides_that_check_agree_on_it_and_on_one_port_where_both_can() {
        let both = |caller: bool, callee: bool| {
            let sent = offer(&checking(4000, caller));
            let (reply, at_callee) = answer(&sent, &checking(5000, callee)).unwrap();
            let at_caller = agree(&read_sdp(&sent.to_string()), &read_sdp(&reply.to_string())).unwrap();
            (at_caller, at_callee, reply)
        };
        let (at_caller, at_callee, reply) = both(true, true);
        assert!(at_caller.transport.rtcp_mux && at_callee.transport.rtcp_mux);
        assert_eq!(at_caller.remote_rtcp, at_caller.remote);
        let ice = |agreed: &Agreed| agreed.transport.ice.clone().unwrap();
        let (caller, callee) = (ice(&at_caller), ice(&at_callee));
        assert!(caller.controlling && !callee.controlling);
        assert_eq!((caller.local.0.as_str(), callee.local.0.as_str()), ("f4000", "f5000"));
        assert_eq!((caller.remote.fragment.as_str(), callee.remote.fragment.as_str()), ("f5000", "f4000"));
        assert_eq!(callee.remote.candidates.len(), 2);
        // RFC 5761 5.1.3: one port needs one component.
        assert_eq!(caller.remote.candidates.len(), 1);
        assert!(reply.to_string().contains("a=end-of-candidates"));
        for (caller, callee) in [(true, false), (false, true), (false, false)] {
            let (at_caller, at_callee, _) = both(caller, callee);
            assert!(!at_caller.transport.rtcp_mux && !at_callee.transport.rtcp_mux);
            assert_eq!(at_caller.remote_rtcp.unwrap().port(), 5001);
            assert_eq!(ice(&at_caller).remote.candidates.len(), 2);
        }
    }

    #[test]
    fn who_makes_no_checks_is_answered_without() {
        let plain = capabilities(4000, vec![pcmu()]);
        let (reply, at_callee) = answer(&offer(&plain), &checking(5000, true)).unwrap();
        assert_eq!(at_callee.transport, AgreedTransport::default());
        assert!(!reply.to_string().contains("ice") && !reply.to_string().contains("mux"));
        let sent = offer(&checking(4000, true));
        let (reply, _) = answer(&sent, &plain).unwrap();
        assert_eq!(agree(&sent, &reply).unwrap().transport, AgreedTransport::default());
    }

    #[test]
    fn changed_addresses_mean_no_checks() {
        let mut sent = offer(&checking(4000, true));
        // A gateway put its own address there.
        sent.connection = Some(crate::wire::sdp::Connection::Ip("198.51.100.9".parse().unwrap()));
        let (reply, at_callee) = answer(&sent, &checking(5000, true)).unwrap();
        assert_eq!(at_callee.transport.ice, None);
        assert_eq!(at_callee.remote, Some("198.51.100.9:4000".parse().unwrap()));
        assert!(reply.to_string().contains("a=ice-mismatch\r\n") && !reply.to_string().contains("ufrag"));
        assert_eq!(agree(&offer(&checking(4000, true)), &reply).unwrap().transport.ice, None);
    }

    #[test]
    fn a_lite_peer_is_chosen_for_and_one_that_trickles_may_name_nothing_yet() {
        let text = |session: &str, connection: &str, port: u16, options: &str, candidates: &str| {
            read_sdp(&format!(
                "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 {connection}\r\nt=0 0\r\n{session}\
                 a=ice-ufrag:8hhY\r\na=ice-pwd:{PASSWORD}\r\nm=audio {port} RTP/AVP 0\r\n{options}{candidates}"
            ))
        };
        let host = "a=candidate:1 1 UDP 9 192.0.2.1 6000 typ host\r\n";
        let taken = |sdp: &SessionDescription| answer(sdp, &checking(5000, true)).unwrap().1.transport.ice;
        let lite = taken(&text("a=ice-lite\r\n", "192.0.2.1", 6000, "", host)).unwrap();
        assert!(lite.remote.lite && lite.controlling, "RFC 8445 6.1.1");
        let full = taken(&text("", "192.0.2.1", 6000, "", host)).unwrap();
        assert!(!full.remote.lite && !full.controlling);
        let trickling = text("", "0.0.0.0", 9, "a=ice-options:trickle\r\n", "");
        assert_eq!(taken(&trickling).unwrap().remote.candidates, []);
        assert_eq!(taken(&text("", "0.0.0.0", 9, "", "")), None);
        let short = read_sdp(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n\
             a=ice-ufrag:8hh\r\na=ice-pwd:short\r\na=candidate:1 1 UDP 9 192.0.2.1 6000 typ host\r\n",
        );
        assert_eq!(taken(&short), None);
    }

    #[test]
    fn further_addresses_follow_where_both_sides_say_so() {
        let side = |port: u16, trickle: bool, complete: bool| {
            let mut side = checking(port, true);
            if let Some(ice) = &mut side.transport.ice {
                (ice.trickle, ice.complete) = (trickle.then(|| "0".to_owned()), complete);
            }
            side
        };
        let both = |caller: bool, callee: bool| {
            let sent = offer(&side(4000, caller, false));
            let (reply, at_callee) =
                answer(&read_sdp(&sent.to_string()), &side(5000, callee, false)).unwrap();
            let at_caller = agree(&sent, &read_sdp(&reply.to_string())).unwrap();
            (at_caller.transport.ice.unwrap(), at_callee.transport.ice.unwrap(), sent, reply)
        };
        let (at_caller, at_callee, sent, reply) = both(true, true);
        for text in [sent.to_string(), reply.to_string()] {
            // RFC 8840 4.1: half trickle is a full offer, too; 4.4: without an end more may follow.
            assert!(text.contains("a=ice-options:ice2 trickle\r\na=mid:0\r\na=candidate:"), "{text}");
            assert!(!text.contains("end-of-candidates"), "{text}");
        }
        assert_eq!((at_caller.trickle.as_deref(), at_callee.trickle.as_deref()), (Some("0"), Some("0")));
        for (caller, callee) in [(true, false), (false, true), (false, false)] {
            let (at_caller, at_callee, _, reply) = both(caller, callee);
            assert_eq!((at_caller.trickle, at_callee.trickle), (None, None), "{caller} {callee}");
            // RFC 8838 3: to whoever does not trickle all are told at once.
            assert!(reply.to_string().contains("a=ice-options:ice2\r\n"), "{reply}");
            assert!(
                reply.to_string().contains("a=end-of-candidates") && !reply.to_string().contains("a=mid")
            );
        }
        let all = offer(&side(4000, true, true)).to_string();
        assert!(all.contains("a=ice-options:ice2 trickle\r\n") && all.contains("a=end-of-candidates\r\n"));
        assert!(trickles(&read_sdp(&all)) && !trickles(&read_sdp(&all.replace("ice2 trickle", "ice2"))));
        assert!(!trickles(&read_sdp(&all.replace("a=mid:0\r\n", ""))), "there is no name to tell more by");
        // Another name for the section is theirs to choose.
        let theirs = read_sdp(&all.replace("a=mid:0", "a=mid:audio"));
        let (reply, agreed) = answer(&theirs, &side(5000, true, true)).unwrap();
        assert!(reply.to_string().contains("a=mid:audio\r\n"));
        assert_eq!(agreed.transport.ice.unwrap().trickle.as_deref(), Some("audio"));
    }

    #[test]
    fn another_port_for_reports_is_named() {
        let mut side = capabilities(4000, vec![pcmu()]);
        side.transport.rtcp = Some("198.51.100.7:31001".parse().unwrap());
        assert!(offer(&side).to_string().contains("a=rtcp:31001 IN IP4 198.51.100.7\r\n"));
        let (_, agreed) = answer(&offer(&side), &capabilities(5000, vec![pcmu()])).unwrap();
        assert_eq!(agreed.remote_rtcp, side.transport.rtcp);
        side.transport.rtcp = Some("192.0.2.7:4001".parse().unwrap());
        assert!(!offer(&side).to_string().contains("a=rtcp:"));
    }

    #[test]
    fn ipv6_is_written_and_read() {
        let mut side = checking(4000, true);
        side.address = "[2001:db8::7]:4000".parse().unwrap();
        side.transport.rtcp = Some("[2001:db8::7]:4007".parse().unwrap());
        if let Some(ice) = &mut side.transport.ice {
            ice.candidates = vec![candidate(1, "[2001:db8::7]:4000", CandidateKind::Host)];
        }
        let text = offer(&side).to_string();
        assert!(
            text.contains("c=IN IP6 2001:db8::7\r\n") && text.contains("a=rtcp:4007 IN IP6 2001:db8::7\r\n")
        );
        let (_, agreed) = answer(&read_sdp(&text), &checking(5000, false)).unwrap();
        assert_eq!((agreed.remote, agreed.remote_rtcp), (Some(side.address), side.transport.rtcp));
        assert!(agreed.transport.ice.is_some());
    }
}
