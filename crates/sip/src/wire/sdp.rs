//! Session descriptions (RFC 8866): parse and build.
//!
//! Lines this crate has no use for are kept in their place, so that a switch can hand a description on. What an
//! offer and an answer agree on is the business of [`crate::offer_answer`].

use super::Malformed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The content type of a session description.
pub const CONTENT_TYPE: &str = "application/sdp";
/// Most media sections taken.
const MAX_MEDIA: usize = 32;

/// A whole session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// `o=`
    pub origin: Origin,
    /// `s=`
    pub name: String,
    /// `c=` of the session.
    pub connection: Option<Connection>,
    /// `t=` as written; `0 0` for a session without bounds.
    pub timing: String,
    /// `a=` lines of the session.
    pub attributes: Vec<Attribute>,
    /// Other session lines (`i`, `u`, `e`, `p`, `b`, `r`, `z`, `k`) as type and value.
    pub other: Vec<(char, String)>,
    /// `m=` sections in order.
    pub media: Vec<Media>,
}

/// The `o=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// User name, `-` for none.
    pub username: String,
    /// Session id: digits that stay for the session's life.
    pub session_id: String,
    /// Version: digits that grow by one with every change (RFC 3264 8).
    pub version: String,
    /// The address that makes the id unique.
    pub address: Connection,
}

/// A `c=` line, or the address of an `o=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// A literal address; a multicast TTL is dropped.
    Ip(IpAddr),
    /// A name or an unknown network, as written after `c=`.
    Other(String),
}

/// An `a=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What stands before the colon.
    pub name: String,
    /// What stands after it.
    pub value: Option<String>,
}

/// An `m=` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video` ...
    pub kind: String,
    /// The port; 0 means refused or removed (RFC 3264 6).
    pub port: u16,
    /// `RTP/AVP`, `RTP/SAVP` ...
    pub protocol: String,
    /// Payload types or other formats in order of preference.
    pub formats: Vec<String>,
    /// `c=` of the section.
    pub connection: Option<Connection>,
    /// `a=` lines of the section.
    pub attributes: Vec<Attribute>,
    /// Other lines of the section.
    pub other: Vec<(char, String)>,
}

/// Who sends (RFC 8866 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both; what holds when nothing is said.
    #[default]
    SendRecv,
    /// The describing side only sends.
    SendOnly,
    /// The describing side only receives.
    RecvOnly,
    /// Nobody.
    Inactive,
}

/// A payload type and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name such as `PCMU` or `opus`; compares without case.
    pub name: String,
    /// RTP clock in Hz.
    pub clock_rate: u32,
    /// Channels, 1 where not said.
    pub channels: u8,
    /// `a=fmtp` parameters.
    pub fmtp: Option<String>,
}

impl SessionDescription {
    /// Reads a description. Unknown attributes and stray lines are tolerated, a missing `v=`, `o=` or a broken `m=` is
    /// not.
    pub fn parse(bytes: &[u8]) -> Result<SessionDescription, Malformed> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).map(split_line);
        match lines.next() {
            Some(Some(('v', "0"))) => {}
            _ => return Err(Malformed("sdp version")),
        }
        let mut origin = None;
        let mut session = SessionDescription {
            origin: Origin {
                username: "-".into(),
                session_id: "0".into(),
                version: "0".into(),
                address: Connection::Ip(Ipv4Addr::UNSPECIFIED.into()),
            },
            name: "-".into(),
            connection: None,
            timing: "0 0".into(),
            attributes: Vec::new(),
            other: Vec::new(),
            media: Vec::new(),
        };
        for line in lines {
            let (kind, value) = line.ok_or(Malformed("sdp line"))?;
            if kind == 'm' {
                if session.media.len() >= MAX_MEDIA {
                    return Err(Malformed("sdp media"));
                }
                session.media.push(Media::parse(value)?);
                continue;
            }
            match (kind, session.media.last_mut()) {
                ('a', Some(media)) => media.attributes.push(Attribute::parse(value)),
                ('a', None) => session.attributes.push(Attribute::parse(value)),
                ('c', Some(media)) => media.connection = Some(Connection::parse(value)),
                ('c', None) => session.connection = Some(Connection::parse(value)),
                ('i' | 'b' | 'k', Some(media)) => media.other.push((kind, value.to_owned())),
                ('o', None) => origin = Some(Origin::parse(value)?),
                ('s', None) => session.name = value.to_owned(),
                ('t', None) => session.timing = value.to_owned(),
                ('i' | 'u' | 'e' | 'p' | 'b' | 'r' | 'z' | 'k', None) => {
                    session.other.push((kind, value.to_owned()))
                }
                // RFC 8866 5: lines of unknown type are ignored.
                _ => {}
            }
        }
        session.origin = origin.ok_or(Malformed("sdp origin"))?;
        Ok(session)
    }

    /// The text as bytes, lines ended with CRLF.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// The first audio section.
    pub fn audio(&self) -> Option<&Media> {
        self.media.iter().find(|m| m.kind == "audio")
    }

    /// The address a section is to be sent to: its own `c=` or the session's (RFC 8866 5.7).
    pub fn connection_of(&self, media: &Media) -> Option<IpAddr> {
        match media.connection.as_ref().or(self.connection.as_ref()) {
            Some(Connection::Ip(ip)) => Some(*ip),
            _ => None,
        }
    }

    /// A section's direction: its own attribute or the session's.
    pub fn direction_of(&self, media: &Media) -> Direction {
        let find = |list: &[Attribute]| list.iter().find_map(|a| Direction::parse(&a.name));
        find(&media.attributes).or_else(|| find(&self.attributes)).unwrap_or_default()
    }
}

impl Media {
    /// The first attribute of that name with a value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name).and_then(|a| a.value.as_deref())
    }

    /// The RTP payload types with their meaning; those neither mapped nor static (RFC 3551 6) are left out.
    pub fn codecs(&self) -> Vec<Codec> {
        let numbers = self.formats.iter().filter_map(|f| f.parse::<u8>().ok()).filter(|pt| *pt < 128);
        numbers.filter_map(|pt| self.mapped(pt).or_else(|| Codec::well_known(pt))).collect()
    }

    /// Packet time in ms, where given (RFC 8866 6.4).
    pub fn ptime(&self) -> Option<u32> {
        self.attribute("ptime")?.trim().parse().ok()
    }

    fn mapped(&self, payload_type: u8) -> Option<Codec> {
        let of = |name: &'static str| {
            self.attributes
                .iter()
                .filter(move |a| a.name == name)
                .filter_map(|a| a.value.as_deref())
                .find_map(|v| {
                    let (pt, rest) = v.trim().split_once(' ')?;
                    (pt.parse() == Ok(payload_type)).then(|| rest.trim())
                })
        };
        let mut parts = of("rtpmap")?.split('/');
        let name = parts.next().filter(|n| !n.is_empty())?.to_owned();
        let clock_rate = parts.next()?.parse().ok()?;
        let channels = parts.next().and_then(|c| c.parse().ok()).unwrap_or(1);
        Some(Codec { payload_type, name, clock_rate, channels, fmtp: of("fmtp").map(str::to_owned) })
    }

    fn parse(value: &str) -> Result<Media, Malformed> {
        let bad = Malformed("sdp media");
        let mut parts = value.split_ascii_whitespace();
        let kind = parts.next().ok_or(bad)?.to_owned();
        // `port/count` describes layered streams; the count has no use here.
        let port = parts.next().ok_or(bad)?;
        let port = port.split_once('/').map_or(port, |(p, _)| p).parse().map_err(|_| bad)?;
        let protocol = parts.next().ok_or(bad)?.to_owned();
        let formats: Vec<String> = parts.map(str::to_owned).collect();
        if formats.is_empty() {
            return Err(bad);
        }
        Ok(Media {
            kind,
            port,
            protocol,
            formats,
            connection: None,
            attributes: Vec::new(),
            other: Vec::new(),
        })
    }
}

impl Codec {
    /// A codec by its parts.
    pub fn new(payload_type: u8, name: &str, clock_rate: u32, channels: u8, fmtp: Option<&str>) -> Codec {
        Codec { payload_type, name: name.to_owned(), clock_rate, channels, fmtp: fmtp.map(str::to_owned) }
    }

    /// The static payload types still met (RFC 3551 6).
    pub fn well_known(payload_type: u8) -> Option<Codec> {
        let (name, clock_rate) = match payload_type {
            0 => ("PCMU", 8000),
            3 => ("GSM", 8000),
            4 => ("G723", 8000),
            8 => ("PCMA", 8000),
            // RFC 3551 4.5.2: the clock says 8000 although the codec samples at 16000.
            9 => ("G722", 8000),
            13 => ("CN", 8000),
            18 => ("G729", 8000),
            _ => return None,
        };
        Some(Codec::new(payload_type, name, clock_rate, 1, None))
    }

    /// The same encoding, whatever payload type it is given.
    pub fn same_encoding(&self, other: &Codec) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
    }

    /// Whether it carries DTMF events (RFC 4733).
    pub fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }
}

impl Direction {
    /// Reads the attribute's name.
    pub fn parse(name: &str) -> Option<Direction> {
        match name {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        }
    }

    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The same stream seen from the other end.
    pub fn reversed(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            both => both,
        }
    }

    /// What is left when both must allow it.
    pub fn and(self, other: Direction) -> Direction {
        match (self.sends() && other.sends(), self.receives() && other.receives()) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the describing side sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the describing side receives.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }
}

impl Attribute {
    /// An attribute with a value.
    pub fn new(name: &str, value: impl Into<String>) -> Attribute {
        Attribute { name: name.to_owned(), value: Some(value.into()) }
    }

    /// An attribute that is only a name.
    pub fn flag(name: &str) -> Attribute {
        Attribute { name: name.to_owned(), value: None }
    }

    fn parse(text: &str) -> Attribute {
        match text.split_once(':') {
            Some((name, value)) => Attribute::new(name, value),
            None => Attribute::flag(text),
        }
    }
}

impl Origin {
    fn parse(value: &str) -> Result<Origin, Malformed> {
        let bad = Malformed("sdp origin");
        let mut parts = value.splitn(4, ' ');
        let mut next = || parts.next().filter(|p| !p.is_empty()).ok_or(bad);
        Ok(Origin {
            username: next()?.to_owned(),
            session_id: next()?.to_owned(),
            version: next()?.to_owned(),
            address: Connection::parse(next()?),
        })
    }
}

impl Connection {
    fn parse(value: &str) -> Connection {
        let mut parts = value.split_ascii_whitespace();
        let (net, family, address) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
        let address = address.split_once('/').map_or(address, |(a, _)| a);
        let ip = match (net, family) {
            (Some("IN"), Some("IP4")) => address.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            (Some("IN"), Some("IP6")) => address.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        };
        ip.map_or_else(|| Connection::Other(value.to_owned()), Connection::Ip)
    }
}

impl std::fmt::Display for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Connection::Ip(ip @ IpAddr::V4(_)) => write!(f, "IN IP4 {ip}"),
            Connection::Ip(ip @ IpAddr::V6(_)) => write!(f, "IN IP6 {ip}"),
            Connection::Other(text) => f.write_str(text),
        }
    }
}

impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Some(value) => write!(f, "a={}:{value}\r\n", self.name),
            None => write!(f, "a={}\r\n", self.name),
        }
    }
}

impl std::fmt::Display for SessionDescription {
    /// In the order RFC 8866 5 sets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let other = |f: &mut std::fmt::Formatter<'_>, lines: &[(char, String)], kinds: &str| {
            lines.iter().filter(|(k, _)| kinds.contains(*k)).try_for_each(|(k, v)| write!(f, "{k}={v}\r\n"))
        };
        let o = &self.origin;
        write!(
            f,
            "v=0\r\no={} {} {} {}\r\ns={}\r\n",
            o.username, o.session_id, o.version, o.address, self.name
        )?;
        other(f, &self.other, "iuep")?;
        if let Some(connection) = &self.connection {
            write!(f, "c={connection}\r\n")?;
        }
        other(f, &self.other, "b")?;
        write!(f, "t={}\r\n", self.timing)?;
        other(f, &self.other, "rzk")?;
        self.attributes.iter().try_for_each(|a| write!(f, "{a}"))?;
        for media in &self.media {
            write!(f, "m={} {} {} {}\r\n", media.kind, media.port, media.protocol, media.formats.join(" "))?;
            other(f, &media.other, "i")?;
            if let Some(connection) = &media.connection {
                write!(f, "c={connection}\r\n")?;
            }
            other(f, &media.other, "bk")?;
            media.attributes.iter().try_for_each(|a| write!(f, "{a}"))?;
        }
        Ok(())
    }
}

fn split_line(line: &str) -> Option<(char, &str)> {
    let (kind, value) = line.split_once('=')?;
    let mut chars = kind.chars();
    match (chars.next(), chars.next()) {
        (Some(kind), None) if kind.is_ascii_lowercase() => Some((kind, value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 3 4 IN IP4 192.0.2.1\r\ns=call\r\ni=about\r\nc=IN IP4 192.0.2.1\r\nb=AS:64\r\nt=0 0\r\n\
        a=group:BUNDLE 0\r\nm=audio 4000 RTP/AVP 96 0 8 101 77\r\nb=TIAS:64000\r\na=rtpmap:96 opus/48000/2\r\n\
        a=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendonly\r\n\
        m=video 0 RTP/AVP 31\r\nc=IN IP6 ::1\r\n";

    #[test]
    fn nothing_is_lost_on_the_way_through() {
        assert_eq!(SessionDescription::parse(OFFER.as_bytes()).unwrap().to_string(), OFFER);
    }

    #[test]
    fn codecs_direction_and_address() {
        let sdp = SessionDescription::parse(OFFER.as_bytes()).unwrap();
        let audio = sdp.audio().unwrap();
        let names: Vec<String> = audio
            .codecs()
            .iter()
            .map(|c| format!("{} {}/{}/{}", c.payload_type, c.name, c.clock_rate, c.channels))
            .collect();
        assert_eq!(
            names,
            ["96 opus/48000/2", "0 PCMU/8000/1", "8 PCMA/8000/1", "101 telephone-event/8000/1"]
        );
        assert_eq!(audio.codecs()[0].fmtp.as_deref(), Some("useinbandfec=1"));
        assert_eq!((sdp.direction_of(audio), audio.ptime()), (Direction::SendOnly, Some(20)));
        assert_eq!(sdp.connection_of(audio), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(sdp.connection_of(&sdp.media[1]), Some("::1".parse().unwrap()));
    }

    #[test]
    fn broken_descriptions_are_refused() {
        for text in [
            "",
            "o=- 1 1 IN IP4 1.1.1.1\r\n",
            "v=0\r\ns=-\r\n",
            "v=0\r\no=- 1\r\n",
            "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\nm=audio x RTP/AVP 0\r\n",
            "v=0\r\nrubbish\r\n",
        ] {
            assert!(SessionDescription::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
