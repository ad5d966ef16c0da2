//! Offer and answer for one audio stream (RFC 3264).
//!
//! Pure functions from descriptions to descriptions and to what both sides agreed on. When an offer is sent or
//! answered is up to [`crate::invite`]; what carries the sound is no concern of this crate.

mod fragment;
mod hold;
mod security;
mod transport;

pub use fragment::IceFragment;
pub use hold::{holds, wanted_direction, with_direction};
pub use security::{
    AgreedSecurity, Crypto, DtlsCapability, DtlsRole, Fingerprint, Profile, SecurityCapabilities, Wanted,
};
pub use transport::{
    AgreedIce, AgreedTransport, Candidate, CandidateKind, IceDescription, TransportCapabilities, trickles,
};

use crate::wire::sdp::{Attribute, Codec, Connection, Direction, Media, Origin, SessionDescription};
use std::net::SocketAddr;

/// What this side can do: the base of an offer or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioCapabilities {
    /// Where RTP is received.
    pub address: SocketAddr,
    /// Codecs in order of preference, `telephone-event` among them. Payload types are those for an offer.
    pub codecs: Vec<Codec>,
    /// Packet time asked for, ms.
    pub ptime: Option<u32>,
    /// What this side wants to do.
    pub direction: Direction,
    /// Names the session in `o=`; the version grows with every description sent for it (RFC 3264 8).
    pub session: SessionVersion,
    /// Encryption.
    pub security: SecurityCapabilities,
    /// Further addresses.
    pub transport: TransportCapabilities,
    /// Whether an answer follows the order of `codecs` and not the offer's.
    pub own_order: bool,
    /// Whether extended reports are taken (RFC 3611).
    pub extended_reports: bool,
}

/// Identity and version of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionVersion {
    /// Stays for the call's life.
    pub id: u64,
    /// Grows by one with every changed description.
    pub version: u64,
}

/// What an offer and its answer settled, seen from this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Where to send RTP; `None` while the other side takes none (port 0 or address 0.0.0.0, RFC 3264 8.4).
    pub remote: Option<SocketAddr>,
    /// Where to send RTCP (RFC 3605, else one port above).
    pub remote_rtcp: Option<SocketAddr>,
    /// Formats both know, the preferred first; never `telephone-event`.
    pub formats: Vec<Format>,
    /// DTMF events, where both know them.
    pub telephone_event: Option<Format>,
    /// Comfort noise (RFC 3389) of the preferred format's clock, where both know it.
    pub comfort_noise: Option<Format>,
    /// What this side may do.
    pub direction: Direction,
    /// Packet time the other side asked for, ms.
    pub ptime: Option<u32>,
    /// The longest it takes, ms.
    pub max_ptime: Option<u32>,
    /// Whether the other side takes VoIP metrics in extended reports (RFC 3611 5).
    pub extended_reports: bool,
    /// How the sound is encrypted.
    pub security: AgreedSecurity,
    /// How addresses are shared and checked.
    pub transport: AgreedTransport,
}

/// A codec with the payload types of both directions (RFC 3264 5.1: they may differ).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Encoding name as the other side writes it.
    pub name: String,
    /// RTP clock, Hz.
    pub clock_rate: u32,
    /// Channels.
    pub channels: u8,
    /// Payload type in packets sent.
    pub send: u8,
    /// Payload type in packets received.
    pub receive: u8,
    /// The other side's `fmtp`.
    pub remote_fmtp: Option<String>,
}

/// Why no agreement was reached; each calls for a 488 (RFC 3261 21.4.26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// No audio section, or a refused one.
    #[error("no audio stream")]
    NoAudio,
    /// No codec in common.
    #[error("no common codec")]
    NoCommonCodec,
    /// A transport this side does not speak, or an encrypted one where encryption is off.
    #[error("unknown media transport")]
    UnknownTransport,
    /// Encryption is required, and the other side names no key.
    #[error("no encryption")]
    InTheClear,
    /// The other side's keys are of no kind this side knows.
    #[error("no common encryption")]
    NoCommonSuite,
}

impl Agreed {
    /// Whether the other side takes this telephone event (RFC 4733 3.2: 0 to 9, 10 `*`, 11 `#`, 12 to 15 `A` to `D`).
    pub fn takes_event(&self, event: u8) -> bool {
        let Some(format) = &self.telephone_event else { return false };
        // RFC 4733 2.4.1: `0-15,66,70`; without a list the DTMF events are meant.
        let Some(list) = format.remote_fmtp.as_deref() else { return event <= 15 };
        let list = list.strip_prefix("events=").unwrap_or(list);
        list.split(',').any(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let bound = |text: &str| text.trim().parse::<u8>();
            matches!((bound(from), bound(to)), (Ok(from), Ok(to)) if (from..=to).contains(&event))
        })
    }
}

/// RFC 3611 5.1.
const XR: &str = "rtcp-xr";
const XR_FORMATS: &str = "voip-metrics";

/// Builds an offer (RFC 3264 5).
pub fn offer(capabilities: &AudioCapabilities) -> SessionDescription {
    let mut media = audio_media(capabilities, &capabilities.codecs, capabilities.direction);
    if capabilities.extended_reports {
        media.attributes.push(Attribute::new(XR, XR_FORMATS));
    }
    let (profile, keys) = security::offered(&capabilities.security);
    media.protocol = profile.into();
    media.attributes.extend(keys);
    media.attributes.extend(transport::offered(capabilities.address, &capabilities.transport));
    describe(capabilities, vec![media])
}

/// Answers an offer (RFC 3264 6): the first audio section this side can do is taken, all others are refused with
/// port 0, in the offer's order.
pub fn answer(
    offer: &SessionDescription,
    capabilities: &AudioCapabilities,
) -> Result<(SessionDescription, Agreed), Disagreement> {
    match capabilities.security.wanted {
        Wanted::Off => answer_with(offer, capabilities, false),
        Wanted::Required => answer_with(offer, capabilities, true),
        // Who offers the same sound twice, encrypted and in the clear, is answered to the encrypted one.
        Wanted::Preferred => {
            answer_with(offer, capabilities, true).or_else(|_| answer_with(offer, capabilities, false))
        }
    }
}

fn answer_with(
    offer: &SessionDescription,
    capabilities: &AudioCapabilities,
    encrypted: bool,
) -> Result<(SessionDescription, Agreed), Disagreement> {
    let mut trouble = Disagreement::NoAudio;
    let mut taken: Option<(Media, Agreed)> = None;
    let mut sections = Vec::with_capacity(offer.media.len());
    for theirs in &offer.media {
        let refused =
            Media { port: 0, attributes: Vec::new(), other: Vec::new(), connection: None, ..theirs.clone() };
        if taken.is_some() || theirs.kind != "audio" || theirs.port == 0 {
            sections.push(refused);
            continue;
        }
        match answer_section(offer, theirs, capabilities, encrypted) {
            Ok((ours, agreed)) => {
                sections.push(ours.clone());
                taken = Some((ours, agreed));
            }
            Err(why) => {
                trouble = why;
                sections.push(refused);
            }
        }
    }
    let (_, agreed) = taken.ok_or(trouble)?;
    Ok((describe(capabilities, sections), agreed))
}

/// Reads what the answer to our own offer settled.
pub fn agree(offer: &SessionDescription, answer: &SessionDescription) -> Result<Agreed, Disagreement> {
    // RFC 3264 6: sections correspond by position.
    let (ours, theirs) = offer
        .media
        .iter()
        .zip(&answer.media)
        .find(|(ours, theirs)| ours.kind == "audio" && theirs.kind == "audio" && theirs.port != 0)
        .ok_or(Disagreement::NoAudio)?;
    let direction = offer.direction_of(ours).and(answer.direction_of(theirs).reversed());
    // RFC 3264 6.1: the answerer's order is the one to follow.
    let pairs = pair(&theirs.codecs(), &ours.codecs());
    let security = security::agreed(offer, ours, answer, theirs)?;
    let transport = transport::agreed(offer, ours, answer, theirs);
    settle(answer, theirs, pairs, direction, security, transport)
}

fn answer_section(
    offer: &SessionDescription,
    theirs: &Media,
    capabilities: &AudioCapabilities,
    encrypted: bool,
) -> Result<(Media, Agreed), Disagreement> {
    let (keys, security) = security::answered(offer, theirs, &capabilities.security, encrypted)?;
    let offered = theirs.codecs();
    // RFC 3264 6.1: the offer's payload types are kept, and so should be its order of preference.
    let mut chosen: Vec<Codec> = offered
        .iter()
        .filter_map(|codec| {
            let ours = capabilities.codecs.iter().find(|c| c.same_encoding(codec))?;
            Some(Codec { payload_type: codec.payload_type, ..ours.clone() })
        })
        .collect();
    if capabilities.own_order {
        let place = |codec: &Codec| capabilities.codecs.iter().position(|c| c.same_encoding(codec));
        chosen.sort_by_key(place);
    }
    let pairs = chosen
        .iter()
        .filter_map(|o| offered.iter().find(|t| t.same_encoding(o)).map(|t| (t.clone(), o.clone())))
        .collect();
    let direction = offer.direction_of(theirs).reversed().and(capabilities.direction);
    let (addresses, transport) =
        transport::answered(offer, theirs, capabilities.address, &capabilities.transport);
    let agreed = settle(offer, theirs, pairs, direction, security, transport)?;
    let mut media = audio_media(capabilities, &chosen, agreed.direction);
    media.protocol = theirs.protocol.clone();
    media.attributes.extend(keys);
    media.attributes.extend(addresses);
    // RFC 3611 5.2: an answer names what both do.
    if capabilities.extended_reports && offer.attribute_of(theirs, XR).is_some() {
        media.attributes.push(Attribute::new(XR, XR_FORMATS));
    }
    Ok((media, agreed))
}

/// The codecs of `theirs` that `ours` also has, each with our entry.
fn pair(theirs: &[Codec], ours: &[Codec]) -> Vec<(Codec, Codec)> {
    theirs
        .iter()
        .filter_map(|t| ours.iter().find(|o| o.same_encoding(t)).map(|o| (t.clone(), o.clone())))
        .collect()
}

fn settle(
    description: &SessionDescription,
    theirs: &Media,
    pairs: Vec<(Codec, Codec)>,
    direction: Direction,
    security: AgreedSecurity,
    transport: AgreedTransport,
) -> Result<Agreed, Disagreement> {
    let format = |(theirs, ours): &(Codec, Codec)| Format {
        name: theirs.name.clone(),
        clock_rate: theirs.clock_rate,
        channels: theirs.channels,
        send: theirs.payload_type,
        receive: ours.payload_type,
        remote_fmtp: theirs.fmtp.clone(),
    };
    let formats: Vec<Format> = pairs
        .iter()
        .filter(|(t, _)| !t.is_telephone_event() && !t.name.eq_ignore_ascii_case("CN"))
        .map(format)
        .collect();
    let comfort_noise = |clock: u32| {
        let is = |t: &Codec| t.name.eq_ignore_ascii_case("CN") && t.clock_rate == clock;
        pairs.iter().find(|(t, _)| is(t)).map(format)
    };
    let clock = formats.first().ok_or(Disagreement::NoCommonCodec)?.clock_rate;
    let events = |clock: Option<u32>| {
        pairs
            .iter()
            .find(|(t, _)| t.is_telephone_event() && clock.is_none_or(|c| c == t.clock_rate))
            .map(format)
    };
    let (remote, remote_rtcp) = transport::remote(description, theirs, &transport);
    Ok(Agreed {
        remote,
        remote_rtcp,
        formats,
        // RFC 4733 2.1: events share the clock of the audio; other clocks are a last resort.
        comfort_noise: comfort_noise(clock),
        max_ptime: theirs.attribute("maxptime").and_then(|ms| ms.trim().parse().ok()),
        extended_reports: description
            .attribute_of(theirs, XR)
            .is_some_and(|formats| formats.split_ascii_whitespace().any(|format| format == "voip-metrics")),
        telephone_event: events(Some(clock)).or_else(|| events(None)),
        direction: if remote.is_some() { direction } else { direction.and(Direction::RecvOnly) },
        ptime: theirs.ptime(),
        security,
        transport,
    })
}

fn audio_media(capabilities: &AudioCapabilities, codecs: &[Codec], direction: Direction) -> Media {
    let mut attributes = Vec::new();
    for codec in codecs {
        let channels = if codec.channels > 1 { format!("/{}", codec.channels) } else { String::new() };
        let map = format!("{} {}/{}{channels}", codec.payload_type, codec.name, codec.clock_rate);
        // RFC 3551 6: this number means nothing else, and an INVITE must stay short enough for UDP.
        if !(codec.payload_type == 13 && codec.name == "CN") {
            attributes.push(Attribute::new("rtpmap", map));
        }
        if let Some(fmtp) = &codec.fmtp {
            attributes.push(Attribute::new("fmtp", format!("{} {fmtp}", codec.payload_type)));
        }
    }
    if let Some(ptime) = capabilities.ptime {
        attributes.push(Attribute::new("ptime", ptime.to_string()));
    }
    attributes.push(Attribute::flag(direction.as_str()));
    Media {
        kind: "audio".into(),
        port: capabilities.address.port(),
        protocol: "RTP/AVP".into(),
        formats: codecs.iter().map(|c| c.payload_type.to_string()).collect(),
        connection: None,
        attributes,
        other: Vec::new(),
    }
}

fn describe(capabilities: &AudioCapabilities, media: Vec<Media>) -> SessionDescription {
    let address = Connection::Ip(capabilities.address.ip());
    SessionDescription {
        origin: Origin {
            username: "-".into(),
            session_id: capabilities.session.id.to_string(),
            version: capabilities.session.version.to_string(),
            address: address.clone(),
        },
        name: "-".into(),
        connection: Some(address),
        timing: "0 0".into(),
        attributes: Vec::new(),
        other: Vec::new(),
        media,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn capabilities(port: u16, codecs: Vec<Codec>) -> AudioCapabilities {
        AudioCapabilities {
            address: SocketAddr::new("192.0.2.7".parse().unwrap(), port),
            codecs,
            ptime: Some(20),
            direction: Direction::SendRecv,
            session: SessionVersion { id: 7, version: 1 },
            security: SecurityCapabilities::default(),
            transport: TransportCapabilities::default(),
            own_order: false,
            extended_reports: false,
        }
    }

    fn opus(pt: u8) -> Codec {
        Codec::new(pt, "opus", 48000, 2, Some("useinbandfec=1"))
    }

    fn events(pt: u8) -> Codec {
        Codec::new(pt, "telephone-event", 8000, 1, Some("0-16"))
    }

    pub(super) fn pcmu() -> Codec {
        Codec::well_known(0).unwrap()
    }

    fn pcma() -> Codec {
        Codec::well_known(8).unwrap()
    }

    #[test]
    fn both_sides_read_the_same_agreement() {
        let caller = capabilities(4000, vec![opus(96), pcmu(), pcma(), events(101)]);
        let callee = capabilities(5000, vec![pcma(), opus(111), events(100)]);
        let sent = offer(&caller);
        let (reply, at_callee) = answer(&sent, &callee).unwrap();
        let at_caller = agree(&sent, &reply).unwrap();
        let list =
            |a: &Agreed| a.formats.iter().map(|f| (f.name.clone(), f.send, f.receive)).collect::<Vec<_>>();
        assert_eq!(list(&at_callee), [("opus".into(), 96, 96), ("PCMA".into(), 8, 8)]);
        assert_eq!(list(&at_caller), list(&at_callee));
        assert_eq!(at_caller.remote.unwrap().port(), 5000);
        assert_eq!(at_callee.remote_rtcp.unwrap().port(), 4001);
        assert_eq!(at_caller.telephone_event.unwrap().send, 101);
    }

    #[test]
    fn an_answer_keeps_the_offers_order_unless_this_side_has_its_own() {
        let sent = offer(&capabilities(4000, vec![opus(96), pcmu(), pcma(), events(101)]));
        let mut callee = capabilities(5000, vec![pcma(), events(97), pcmu(), opus(111)]);
        for (own, expected) in [(false, "opus PCMU PCMA"), (true, "PCMA PCMU opus")] {
            callee.own_order = own;
            let (reply, at_callee) = answer(&sent, &callee).unwrap();
            let at_caller = agree(&sent, &reply).unwrap();
            for agreed in [at_callee, at_caller] {
                let names: Vec<_> = agreed.formats.iter().map(|f| f.name.as_str()).collect();
                assert_eq!(names.join(" "), expected);
                assert_eq!(agreed.telephone_event.unwrap().send, 101, "the offer's numbers");
            }
        }
    }

    #[test]
    fn noise_reports_and_packet_times_are_what_both_do() {
        let noise = || Codec::well_known(13).unwrap();
        let mut caller = capabilities(4000, vec![pcmu(), noise()]);
        caller.extended_reports = true;
        let mut sent = offer(&caller);
        sent.media[0].attributes.push(Attribute::new("maxptime", "40"));
        let (reply, agreed) = answer(&sent, &caller).unwrap();
        assert_eq!(agreed.comfort_noise.as_ref().map(|f| f.send), Some(13));
        assert_eq!((agreed.max_ptime, agreed.extended_reports), (Some(40), true));
        let back = agree(&sent, &reply).unwrap();
        assert!(back.extended_reports && back.comfort_noise.is_some() && back.max_ptime.is_none());
        // RFC 3611 5.2 and RFC 3389 4: only what the other side named, and noise of the sound's own clock.
        let plain = capabilities(5000, vec![pcmu()]);
        let (reply, agreed) = answer(&offer(&plain), &caller).unwrap();
        assert!(!agreed.extended_reports && agreed.comfort_noise.is_none());
        assert_eq!(reply.media[0].attribute("rtcp-xr"), None);
        let wide = capabilities(4000, vec![opus(96), noise()]);
        let (_, agreed) = answer(&offer(&wide), &wide).unwrap();
        assert!(agreed.comfort_noise.is_none(), "{agreed:?}");
    }

    #[test]
    fn other_sections_are_refused_in_place() {
        let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 9 RTP/AVP 31\r\n\
            m=audio 8 RTP/SAVP 0\r\nm=audio 6000 RTP/AVP 8 0\r\na=rtcp:7001\r\nm=audio 6002 RTP/AVP 0\r\n";
        let sdp = SessionDescription::parse(text.as_bytes()).unwrap();
        let (reply, agreed) = answer(&sdp, &capabilities(5000, vec![pcmu()])).unwrap();
        let ports: Vec<u16> = reply.media.iter().map(|m| m.port).collect();
        assert_eq!(ports, [0, 0, 5000, 0]);
        assert_eq!(agreed.remote_rtcp.unwrap().port(), 7001);
    }

    #[test]
    fn hold_is_mirrored_and_the_old_form_understood() {
        let mut caller = capabilities(4000, vec![pcmu()]);
        caller.direction = Direction::SendOnly;
        let (reply, agreed) = answer(&offer(&caller), &capabilities(5000, vec![pcmu()])).unwrap();
        assert_eq!(agreed.direction, Direction::RecvOnly);
        assert_eq!(reply.direction_of(reply.audio().unwrap()), Direction::RecvOnly);
        let mut old = offer(&capabilities(4000, vec![pcmu()]));
        old.connection = Some(Connection::Ip("0.0.0.0".parse().unwrap()));
        let (_, agreed) = answer(&old, &capabilities(5000, vec![pcmu()])).unwrap();
        assert_eq!((agreed.remote, agreed.direction), (None, Direction::RecvOnly));
    }

    #[test]
    fn events_share_the_clock_of_the_sound_where_they_can() {
        let wide = Codec::new(110, "telephone-event", 48000, 1, Some("0-15"));
        let caller = capabilities(4000, vec![opus(96), pcmu(), wide.clone(), events(101)]);
        let event = |codecs| {
            let (reply, at_callee) = answer(&offer(&caller), &capabilities(5000, codecs)).unwrap();
            let at_caller = agree(&offer(&caller), &reply).unwrap();
            let of = |a: &Agreed| a.telephone_event.as_ref().map(|f| (f.clock_rate, f.send, f.receive));
            assert_eq!(of(&at_caller), of(&at_callee));
            of(&at_caller)
        };
        // RFC 4733 2.1
        assert_eq!(event(vec![opus(96), wide, events(97)]), Some((48000, 110, 110)));
        assert_eq!(event(vec![pcmu(), events(97)]), Some((8000, 101, 101)));
        assert_eq!(event(vec![opus(96), events(97)]), Some((8000, 101, 101)), "better than none");
        assert_eq!(event(vec![pcmu()]), None);
    }

    #[test]
    fn each_side_chooses_the_number_it_receives_and_says_which_events() {
        let ours = offer(&capabilities(4000, vec![pcmu(), events(101)]));
        let agreed = |fmtp: &str| {
            let text = format!(
                "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                 m=audio 6000 RTP/AVP 0 97\r\na=rtpmap:97 TELEPHONE-EVENT/8000\r\n{fmtp}"
            );
            agree(&ours, &SessionDescription::parse(text.as_bytes()).unwrap()).unwrap()
        };
        // RFC 3264 6.1: the answer may number a format anew.
        let event = agreed("").telephone_event.unwrap();
        assert_eq!((event.send, event.receive), (97, 101));
        let takes = |fmtp: &str, event| agreed(fmtp).takes_event(event);
        assert!(takes("", 15) && !takes("", 16));
        assert!(takes("a=fmtp:97 0-16\r\n", 16) && !takes("a=fmtp:97 0-11,66\r\n", 12));
        assert!(takes("a=fmtp:97 0-11, 66\r\n", 66) && !takes("a=fmtp:97 nonsense\r\n", 1));
        let none = agree(&ours, &offer(&capabilities(1, vec![pcmu()]))).unwrap();
        assert!(!none.takes_event(1));
    }

    #[test]
    fn no_agreement_has_a_reason() {
        let offered = offer(&capabilities(4000, vec![pcmu(), events(101)]));
        assert_eq!(
            answer(&offered, &capabilities(1, vec![opus(96), events(101)])).unwrap_err(),
            Disagreement::NoCommonCodec
        );
        let mut refused = offered.clone();
        refused.media[0].port = 0;
        assert_eq!(agree(&offered, &refused).unwrap_err(), Disagreement::NoAudio);
    }
}
