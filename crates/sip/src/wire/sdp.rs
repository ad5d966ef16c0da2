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
    /// A literal address.
    Ip(IpAddr),
    /// A name, an unknown network or a multicast address with its TTL, as written after `c=`.
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
    /// Reads a description. Unknown attributes are kept, a missing `s=` or `t=` is tolerated.
    ///
    /// # Errors
    /// Another version than 0, no `o=` or two, a line that is no `letter=value`, a letter that RFC 8866 5 does not know,
    /// a broken `m=`, more than 32 of them, a session line below one.
    pub fn parse(bytes: &[u8]) -> Result<SessionDescription, Malformed> {
        let text = super::parse::decode(bytes);
        let mut lines = text.lines().map(str::trim_ascii_end).filter(|l| !l.is_empty()).map(split_line);
        match lines.next() {
            Some(Some(('v', "0"))) => {}
            _ => return Err(Malformed("sdp version")),
        }
        let mut origin = None;
        let mut timing = None;
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
                    return Err(Malformed("sdp media: too many"));
                }
                session.media.push(Media::parse(value)?);
                continue;
            }
            match (kind, session.media.last_mut()) {
                ('a', Some(media)) => media.attributes.push(Attribute::parse(value)),
                ('a', None) => session.attributes.push(Attribute::parse(value)),
                ('c', Some(media)) if media.connection.is_none() => {
                    media.connection = Some(Connection::parse(value));
                }
                ('c', None) if session.connection.is_none() => {
                    session.connection = Some(Connection::parse(value));
                }
                ('o', None) if origin.is_none() => origin = Some(Origin::parse(value)?),
                // RFC 8866 5.3: a session without a name is called by one space.
                ('s', None) => session.name = if value.is_empty() { " ".into() } else { value.to_owned() },
                ('t', None) if timing.is_none() => timing = Some(value.to_owned()),
                ('i' | 'b' | 'k' | 'c', Some(media)) => media.other.push((kind, value.to_owned())),
                ('i' | 'u' | 'e' | 'p' | 'c' | 'b' | 't' | 'r' | 'z' | 'k', None) => {
                    session.other.push((kind, value.to_owned()));
                }
                ('v' | 'o' | 's' | 'u' | 'e' | 'p' | 't' | 'r' | 'z', _) => {
                    return Err(Malformed("sdp order"));
                }
                // RFC 8866 5: a description with an unknown letter must not be used.
                _ => return Err(Malformed("sdp line of unknown type")),
            }
        }
        session.origin = origin.ok_or(Malformed("sdp origin"))?;
        session.timing = timing.unwrap_or_else(|| "0 0".into());
        // Kept as they are going to be written, wherever the peer put them (RFC 8866 5).
        session.other.sort_by_key(|(kind, _)| place(*kind));
        for media in &mut session.media {
            media.other.sort_by_key(|(kind, _)| place(*kind));
        }
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

    /// The first value of an attribute of a section, else of the session: `fingerprint`, `ice-ufrag`, `setup` ...
    pub fn attribute_of<'a>(&'a self, media: &'a Media, name: &str) -> Option<&'a str> {
        media.attribute(name).or_else(|| value_of(&self.attributes, name))
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
        value_of(&self.attributes, name)
    }

    /// All values of an attribute that may stand more than once: `crypto`, `candidate`, `rtcp-fb` ...
    pub fn attributes_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |a| a.name == name).filter_map(|a| a.value.as_deref())
    }

    /// A `b=` line's number: kbit/s for `AS`, bit/s for `TIAS` (RFC 8866 5.8, RFC 3890 6.2).
    pub fn bandwidth(&self, modifier: &str) -> Option<u32> {
        let lines = self.other.iter().filter(|(kind, _)| *kind == 'b').filter_map(|(_, v)| v.split_once(':'));
        lines
            .into_iter()
            .find(|(name, _)| *name == modifier)
            .and_then(|(_, number)| number.trim().parse().ok())
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
            self.attributes_named(name).find_map(|v| {
                let (pt, rest) = v.trim().split_once([' ', '\t'])?;
                (pt.parse() == Ok(payload_type)).then(|| rest.trim())
            })
        };
        let mut parts = of("rtpmap")?.split('/');
        let name = parts.next().filter(|n| !n.is_empty())?.to_owned();
        let clock_rate = parts.next()?.trim().parse().ok().filter(|rate| *rate > 0)?;
        let channels = parts.next().and_then(|c| c.trim().parse().ok()).filter(|n| *n > 0).unwrap_or(1);
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
        // Read from the end, as some put spaces into the user name.
        let mut parts = value.split_ascii_whitespace().rev();
        let mut next = || parts.next().ok_or(bad);
        let (address, family, net) = (next()?, next()?, next()?);
        let (version, session_id) = (next()?.to_owned(), next()?.to_owned());
        let mut username: Vec<&str> = parts.collect();
        username.reverse();
        if username.is_empty() {
            return Err(bad);
        }
        let address = Connection::parse(&format!("{net} {family} {address}"));
        Ok(Origin { username: username.join(" "), session_id, version, address })
    }
}

impl Connection {
    fn parse(value: &str) -> Connection {
        let value = value.trim_ascii();
        let mut parts = value.split_ascii_whitespace();
        let (net, family, address) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
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
        other(f, &self.other, "cb")?;
        write!(f, "t={}\r\n", self.timing)?;
        // Each `r=` belongs to the `t=` before it (RFC 8866 5.10).
        other(f, &self.other, "trzk")?;
        self.attributes.iter().try_for_each(|a| write!(f, "{a}"))?;
        for media in &self.media {
            write!(f, "m={} {} {} {}\r\n", media.kind, media.port, media.protocol, media.formats.join(" "))?;
            other(f, &media.other, "i")?;
            if let Some(connection) = &media.connection {
                write!(f, "c={connection}\r\n")?;
            }
            other(f, &media.other, "cbk")?;
            media.attributes.iter().try_for_each(|a| write!(f, "{a}"))?;
        }
        Ok(())
    }
}

/// In which of the groups that are written together a line stands.
fn place(kind: char) -> u8 {
    match kind {
        'i' | 'u' | 'e' | 'p' => 0,
        'c' | 'b' => 1,
        _ => 2,
    }
}

fn value_of<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|a| a.name == name).and_then(|a| a.value.as_deref())
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

    /// Every letter of RFC 8866 5 with what else a session may hold, in the RFC's order.
    const ALL_LINES: &str = "v=0\r\no=jdoe 3724394400 3724394405 IN IP6 2001:db8::1\r\ns=Call to John Smith\r\ni=SDP Offer #1\r\n\
        u=http://www.jdoe.example.com/home.html\r\ne=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\n\
        c=IN IP6 2001:db8::1\r\nb=CT:128\r\nb=X-YZ:7\r\nt=3724394400 3724398000\r\nr=604800 3600 0 90000\r\nt=3724484400 3724488000\r\n\
        z=3730928400 -1h 3749680800 0\r\nk=prompt\r\na=recvonly\r\na=ice-ufrag:8hhY\r\na=fingerprint:sha-256 00:11\r\n\
        m=audio 49170 RTP/SAVP 0 8\r\ni=speech\r\nc=IN IP4 224.2.1.1/127\r\nc=IN IP4 224.2.1.2/127\r\nb=AS:64\r\nk=clear:x\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\na=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:def\r\n\
        a=rtcp:53020 IN IP6 2001:db8::2\r\na=fingerprint:sha-256 22:33\r\na=ptime:30\r\n\
        m=application 0 UDP/BFCP *\r\nm=video 51372 RTP/AVP 99\r\na=rtpmap:99 h263-1998/90000\r\n";

    #[test]
    fn every_kind_of_line_keeps_its_place() {
        let sdp = SessionDescription::parse(ALL_LINES.as_bytes()).unwrap();
        assert_eq!(sdp.to_string(), ALL_LINES);
        assert_eq!(
            sdp.media.iter().map(|m| m.kind.as_str()).collect::<Vec<_>>(),
            ["audio", "application", "video"]
        );
        assert_eq!(sdp.origin.address, Connection::Ip("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn lines_in_another_order_are_put_into_the_usual_one() {
        const START: &str =
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nt=5 6\r\nk=a\r\nb=AS:1\r\ni=x\r\n";
        let sdp =
            SessionDescription::parse(format!("{START}m=audio 1 RTP/AVP 0\r\nk=b\r\ni=y\r\n").as_bytes());
        let sdp = sdp.unwrap();
        let written = sdp.to_string();
        assert!(written.contains("s=-\r\ni=x\r\nb=AS:1\r\nt=0 0\r\nt=5 6\r\nk=a\r\nm="), "{written}");
        assert_eq!(SessionDescription::parse(written.as_bytes()), Ok(sdp));
    }

    #[test]
    fn attributes_are_readable_at_both_levels() {
        let sdp = SessionDescription::parse(ALL_LINES.as_bytes()).unwrap();
        let audio = sdp.audio().unwrap();
        assert_eq!(sdp.attribute_of(audio, "ice-ufrag"), Some("8hhY"));
        assert_eq!(sdp.attribute_of(audio, "fingerprint"), Some("sha-256 22:33"));
        assert_eq!(sdp.attribute_of(&sdp.media[2], "fingerprint"), Some("sha-256 00:11"));
        assert_eq!(audio.attributes_named("crypto").count(), 2);
        assert_eq!(audio.attribute("rtcp"), Some("53020 IN IP6 2001:db8::2"));
        assert_eq!((audio.bandwidth("AS"), audio.bandwidth("TIAS")), (Some(64), None));
        assert_eq!(sdp.direction_of(audio), Direction::RecvOnly);
        // A group of receivers is no address to call.
        assert_eq!(sdp.connection_of(audio), None);
    }

    #[test]
    fn sloppy_writing_is_understood() {
        let text = "v=0\no=Some Phone 1 2 IN IP4 192.0.2.1\ns=\nc=IN IP4 192.0.2.1 \nm=audio 4000  RTP/AVP  96 97 98 200\n\
            a=rtpmap:96\topus/48000/2 \na=rtpmap:97 X/0\na=rtpmap:98 L16/44100/0\na=sendonly \n\n";
        let sdp = SessionDescription::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (sdp.origin.username.as_str(), sdp.name.as_str(), sdp.timing.as_str()),
            ("Some Phone", " ", "0 0")
        );
        let audio = sdp.audio().unwrap();
        let codecs: Vec<_> = audio.codecs().into_iter().map(|c| (c.name, c.clock_rate, c.channels)).collect();
        assert_eq!(codecs, [("opus".into(), 48000, 2), ("L16".into(), 44100, 1)]);
        assert_eq!(
            (sdp.direction_of(audio), sdp.connection_of(audio)),
            (Direction::SendOnly, "192.0.2.1".parse().ok())
        );
        // Written and read again it is the same, and a session without a name has one space for it.
        assert!(sdp.to_string().contains("\r\ns= \r\n"));
        assert_eq!(SessionDescription::parse(&sdp.to_bytes()).unwrap(), sdp);
        let latin = SessionDescription::parse(b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=B\xfcro\r\n").unwrap();
        assert_eq!(latin.name, "B\u{fc}ro");
    }

    #[test]
    fn broken_descriptions_are_refused_with_the_reason() {
        const START: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n";
        let check = |text: &str, what: &'static str| {
            assert_eq!(SessionDescription::parse(text.as_bytes()), Err(Malformed(what)), "{text:?}");
        };
        check("", "sdp version");
        check("o=- 1 1 IN IP4 1.1.1.1\r\n", "sdp version");
        check("v=1\r\n", "sdp version");
        check("v=0\r\ns=-\r\n", "sdp origin");
        check("v=0\r\no=- 1\r\n", "sdp origin");
        check("v=0\r\no=1 1 IN IP4 192.0.2.1\r\n", "sdp origin");
        for (rest, what) in [
            ("m=audio x RTP/AVP 0\r\n", "sdp media"),
            ("m=audio 99999 RTP/AVP 0\r\n", "sdp media"),
            ("m=audio 4000 RTP/AVP\r\n", "sdp media"),
            ("m=\r\n", "sdp media"),
            ("rubbish\r\n", "sdp line"),
            (" a=x\r\n", "sdp line"),
            ("A=x\r\n", "sdp line"),
            ("x=y\r\n", "sdp line of unknown type"),
            ("o=- 1 1 IN IP4 192.0.2.1\r\n", "sdp order"),
            ("m=audio 0 RTP/AVP 0\r\ns=late\r\n", "sdp order"),
        ] {
            check(&format!("{START}{rest}"), what);
        }
        check(&format!("{START}{}", "m=audio 0 RTP/AVP 0\r\n".repeat(33)), "sdp media: too many");
    }
}
