//! `sip:`, `sips:`, `tel:` and opaque URIs (RFC 3261 19.1, RFC 3966).
//!
//! Where a URI leads over the network is decided in [`crate::target`], not here.

use super::{Malformed, Params, plain};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Any URI that may stand in a request line or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:` (RFC 3966).
    Tel(TelUri),
    /// Everything else, kept as written: scheme and what follows the colon.
    Other(String, String),
}

/// Whether the URI asks for TLS on every hop (RFC 3261 26.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
}

/// A `sip:` or `sips:` URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipUri {
    /// `sip` or `sips`.
    pub scheme: Scheme,
    /// The user part as written, escapes included.
    pub user: Option<String>,
    /// The deprecated password part as written.
    pub password: Option<String>,
    /// The host.
    pub host: Host,
    /// The port, where given.
    pub port: Option<u16>,
    /// URI parameters.
    pub params: Params,
    /// What follows `?`, as written.
    pub headers: Option<String>,
}

/// A `tel:` URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelUri {
    /// The number as written, visual separators included.
    pub number: String,
    /// Parameters such as `phone-context`.
    pub params: Params,
}

/// A host: a name or a literal address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name as written.
    Name(String),
    /// A literal address; IPv6 stands in brackets on the wire.
    Ip(IpAddr),
}

impl Uri {
    /// Reads a URI without angle brackets around it.
    pub fn parse(text: &str) -> Result<Uri, Malformed> {
        Ok(match Parts::read(text)? {
            Parts::Sip(parts) => Uri::Sip(parts.into_owned()),
            Parts::Tel(number, params) => {
                let params = params.map(Params::from_uri).unwrap_or_default();
                Uri::Tel(TelUri { number: number.to_owned(), params })
            }
            Parts::Other(scheme, rest) => Uri::Other(scheme.to_owned(), rest.to_owned()),
        })
    }

    /// Whether [`Uri::parse`] would read it.
    pub(crate) fn check(text: &str) -> Result<(), Malformed> {
        match plain::is_uri(text) {
            true => Ok(()),
            false => Parts::read(text).map(drop),
        }
    }

    /// The `sip:`/`sips:` form, where it is one.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Uri::Sip(uri) => Some(uri),
            _ => None,
        }
    }

    /// The user part with escapes resolved, or the number of a `tel:` URI.
    pub fn user(&self) -> Option<String> {
        match self {
            Uri::Sip(uri) => uri.user.as_deref().map(unescape),
            Uri::Tel(uri) => Some(uri.number.clone()),
            Uri::Other(..) => None,
        }
    }

    /// Namespace and name of a `urn:` (RFC 8141): `("uuid", "f81d4fae-...")`, `("service", "sos")`.
    pub fn as_urn(&self) -> Option<(&str, &str)> {
        match self {
            Uri::Other(scheme, rest) if scheme.eq_ignore_ascii_case("urn") => {
                rest.split_once(':').filter(|(space, name)| space.len() > 1 && !name.is_empty())
            }
            _ => None,
        }
    }

    /// Equality of RFC 3261 19.1.4, for bindings and request matching.
    pub fn equivalent(&self, other: &Uri) -> bool {
        if let (Some((space, name)), Some((other_space, other_name))) = (self.as_urn(), other.as_urn()) {
            // RFC 8141 3.1: the namespace compares without case, the name as its namespace says; a UUID without case
            // (RFC 4122 3).
            let uuid = space.eq_ignore_ascii_case("uuid") && name.eq_ignore_ascii_case(other_name);
            return space.eq_ignore_ascii_case(other_space) && (uuid || name == other_name);
        }
        match (self, other) {
            (Uri::Sip(a), Uri::Sip(b)) => a.equivalent(b),
            (Uri::Tel(a), Uri::Tel(b)) => digits(&a.number) == digits(&b.number),
            (a, b) => a == b,
        }
    }
}

impl SipUri {
    /// A `sip:` URI of a user (plain text, escaped here) at a host.
    pub fn new(user: Option<&str>, host: Host, port: Option<u16>) -> SipUri {
        SipUri {
            scheme: Scheme::Sip,
            user: user.map(|user| escape(user, USER_UNRESERVED)),
            password: None,
            host,
            port,
            params: Params::default(),
            headers: None,
        }
    }

    /// Equality of RFC 3261 19.1.4.
    pub fn equivalent(&self, other: &SipUri) -> bool {
        let user = |u: &SipUri| u.user.as_deref().map(unescape);
        let param = |u: &SipUri, name: &str| u.params.get(name).map(|v| unescape(&v).to_ascii_lowercase());
        // 19.1.4: these decide even when only one side has them; any other counts only where both have it.
        let decisive = ["user", "ttl", "method", "maddr", "transport"];
        self.scheme == other.scheme
            && user(self) == user(other)
            && self.password == other.password
            && self.host.same(&other.host)
            && self.port == other.port
            && decisive.iter().all(|name| param(self, name) == param(other, name))
            && self
                .params
                .iter()
                .all(|(name, _)| !other.params.has(name) || param(self, name) == param(other, name))
            && self.headers == other.headers
    }

    /// The value of a header the URI carries, with escapes resolved (RFC 3261 19.1.1 `headers`).
    pub fn header(&self, name: &str) -> Option<String> {
        let pairs = self.headers.as_deref()?.split('&');
        let mut named = pairs.filter_map(|pair| pair.split_once('='));
        named.find(|(n, _)| unescape(n).eq_ignore_ascii_case(name)).map(|(_, value)| unescape(value))
    }

    /// Adds a header to those the URI carries; the value is plain text and is escaped here.
    pub fn add_header(&mut self, name: &str, value: &str) {
        let pair = format!("{}={}", escape(name, HEADER_UNRESERVED), escape(value, HEADER_UNRESERVED));
        match &mut self.headers {
            Some(headers) => {
                headers.push('&');
                headers.push_str(&pair);
            }
            None => self.headers = Some(pair),
        }
    }

    /// Whether the `lr` parameter marks a loose router (RFC 3261 16.12.1).
    pub fn is_loose_router(&self) -> bool {
        self.params.has("lr")
    }
}

/// A URI that was read but not yet copied.
enum Parts<'a> {
    Sip(SipParts<'a>),
    Tel(&'a str, Option<&'a str>),
    Other(&'a str, &'a str),
}

struct SipParts<'a> {
    scheme: Scheme,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: HostPart<'a>,
    port: Option<u16>,
    params: Option<&'a str>,
    headers: Option<&'a str>,
}

/// A host that was read but not yet copied.
pub(crate) enum HostPart<'a> {
    Name(&'a str),
    Ip(IpAddr),
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Result<Parts<'a>, Malformed> {
        let bad = Malformed("uri");
        let mut ascii = true;
        for b in text.bytes() {
            if matches!(b, 0..=b' ' | 0x7F | b'<' | b'>' | b'"') {
                return Err(bad);
            }
            ascii &= b.is_ascii();
        }
        if !ascii && text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(bad);
        }
        let colon = memchr::memchr(b':', text.as_bytes()).ok_or(bad)?;
        let (scheme, rest) = text.split_at_checked(colon).ok_or(bad)?;
        let rest = rest.get(1..).filter(|rest| !rest.is_empty()).ok_or(bad)?;
        if scheme.eq_ignore_ascii_case("sip") {
            return SipParts::read(Scheme::Sip, rest).map(Parts::Sip);
        }
        if scheme.eq_ignore_ascii_case("sips") {
            return SipParts::read(Scheme::Sips, rest).map(Parts::Sip);
        }
        let mut bytes = scheme.bytes();
        if !bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
            || !bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        {
            return Err(bad);
        }
        if !scheme.eq_ignore_ascii_case("tel") {
            return Ok(Parts::Other(scheme, rest));
        }
        let (number, params) = split_params(rest)?;
        // RFC 3966 3: digits, hex digits of private plans, `*`, `#` and visual separators.
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_hexdigit() || b"+*#-.()".contains(&b)) {
            return Err(Malformed("tel uri"));
        }
        Ok(Parts::Tel(number, params))
    }
}

impl<'a> SipParts<'a> {
    fn read(scheme: Scheme, rest: &'a str) -> Result<SipParts<'a>, Malformed> {
        let bad = Malformed("sip uri");
        // A raw '@' can stand neither in host nor parameters, so the last one before the headers ends the userinfo. A
        // user may have a '?' of its own; senders of Replaces leave an '@' unescaped in the headers.
        let bytes = rest.as_bytes();
        let before = memchr::memchr(b'?', bytes).and_then(|at| bytes.get(..at)).unwrap_or(bytes);
        let at = memchr::memrchr(b'@', before).or_else(|| memchr::memrchr(b'@', bytes));
        let (userinfo, rest) = match at {
            Some(at) => (rest.get(..at), rest.get(at.saturating_add(1)..).ok_or(bad)?),
            None => (None, rest),
        };
        let (user, password) = match userinfo {
            Some("") => return Err(bad),
            Some(info) => match cut(info, b':') {
                Some((user, password)) => (Some(user), Some(password)),
                None => (Some(info), None),
            },
            None => (None, None),
        };
        let (rest, headers) = match cut(rest, b'?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (hostport, params) = split_params(rest)?;
        let (host, port) = HostPart::read_with_port(hostport)?;
        Ok(SipParts { scheme, user, password, host, port, params, headers })
    }

    fn into_owned(self) -> SipUri {
        SipUri {
            scheme: self.scheme,
            user: self.user.map(str::to_owned),
            password: self.password.map(str::to_owned),
            host: self.host.into_owned(),
            port: self.port,
            params: self.params.map(Params::from_uri).unwrap_or_default(),
            headers: self.headers.map(str::to_owned),
        }
    }
}

/// What stands before and after the first such byte of ASCII.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let (before, after) = text.split_at_checked(text.bytes().position(|b| b == at)?)?;
    Some((before, after.get(1..)?))
}

/// What stands before the first semicolon, and the parameters after it.
fn split_params(text: &str) -> Result<(&str, Option<&str>), Malformed> {
    match cut(text, b';') {
        Some((before, params)) => {
            Params::check_uri(params)?;
            Ok((before, Some(params)))
        }
        None => Ok((text, None)),
    }
}

impl Host {
    /// Reads a host without a port.
    pub fn parse(text: &str) -> Result<Host, Malformed> {
        match Host::parse_with_port(text)? {
            (host, None) => Ok(host),
            _ => Err(Malformed("host")),
        }
    }

    /// The literal address, where it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Ip(ip) => Some(*ip),
            Host::Name(_) => None,
        }
    }

    /// Equality without case for names.
    pub fn same(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => {
                a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
            }
            (a, b) => a == b,
        }
    }

    pub(crate) fn parse_with_port(text: &str) -> Result<(Host, Option<u16>), Malformed> {
        HostPart::read_with_port(text).map(|(host, port)| (host.into_owned(), port))
    }
}

impl<'a> HostPart<'a> {
    pub(crate) fn read(text: &'a str) -> Result<HostPart<'a>, Malformed> {
        match HostPart::read_with_port(text)? {
            (host, None) => Ok(host),
            _ => Err(Malformed("host")),
        }
    }

    pub(crate) fn into_owned(self) -> Host {
        match self {
            HostPart::Name(name) => Host::Name(name.to_owned()),
            HostPart::Ip(ip) => Host::Ip(ip),
        }
    }

    fn read_with_port(text: &'a str) -> Result<(HostPart<'a>, Option<u16>), Malformed> {
        let bad = Malformed("host");
        let port = |text: &str| -> Result<u16, Malformed> {
            if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().map_err(|_| bad) } else { Err(bad) }
        };
        if let Some(rest) = text.strip_prefix('[') {
            let (inner, after) = rest.split_once(']').ok_or(bad)?;
            let ip = ipv6(inner).ok_or(bad)?;
            return match after.strip_prefix(':') {
                Some(digits) => Ok((HostPart::Ip(ip.into()), Some(port(digits)?))),
                None if after.is_empty() => Ok((HostPart::Ip(ip.into()), None)),
                None => Err(bad),
            };
        }
        let (name, port) = match cut(text, b':') {
            Some((name, digits)) => (name, Some(port(digits)?)),
            None => (text, None),
        };
        if name.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && let Ok(ip) = name.parse::<Ipv4Addr>()
        {
            return Ok((HostPart::Ip(ip.into()), port));
        }
        // `_` is no hostname character in RFC 3261 25.1, but names in the field carry it.
        if name.is_empty()
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        {
            return Err(bad);
        }
        Ok((HostPart::Name(name), port))
    }
}

/// RFC 5118 4.10: the first grammar of RFC 3261 led some to write three colons for two.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().or_else(|_| text.replacen(":::", "::", 1).parse()).ok()
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Host {
        Host::Ip(ip)
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

impl std::fmt::Display for SipUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.scheme {
            Scheme::Sip => "sip:",
            Scheme::Sips => "sips:",
        })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for Uri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Uri::Sip(uri) => write!(f, "{uri}"),
            Uri::Tel(uri) => write!(f, "tel:{}{}", uri.number, uri.params),
            Uri::Other(scheme, rest) => write!(f, "{scheme}:{rest}"),
        }
    }
}

impl std::str::FromStr for Uri {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Uri, Malformed> {
        Uri::parse(text)
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Uri {
        Uri::Sip(uri)
    }
}

fn digits(number: &str) -> String {
    number.chars().filter(|c| c.is_ascii_hexdigit() || matches!(c, '+' | '*' | '#')).collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut iter = text.bytes();
    while let Some(b) = iter.next() {
        let hex = (b == b'%').then(|| {
            let mut ahead = iter.clone();
            let high = char::from(ahead.next()?).to_digit(16)?;
            let low = char::from(ahead.next()?).to_digit(16)?;
            u8::try_from(high.saturating_mul(16).saturating_add(low)).ok()
        });
        match hex.flatten() {
            Some(byte) => {
                iter.next();
                iter.next();
                bytes.push(byte);
            }
            None => bytes.push(b),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// RFC 3261 25.1: the marks of `unreserved`, and `user-unreserved`.
const USER_UNRESERVED: &str = "-_.!~*'()&=+$,;?/";
/// RFC 3261 25.1: the marks of `unreserved`, and `hnv-unreserved`.
const HEADER_UNRESERVED: &str = "-_.!~*'()[]/?:+$";

fn escape(text: &str, bare: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || bare.contains(c) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_survive_a_round_trip() {
        for text in [
            "sip:alice@example.com",
            "sips:alice:secret@example.com:5061;transport=tcp;lr?subject=x",
            "sip:[2001:db8::1]:5080;lr",
            "sip:user;par=u%40example.net@example.com",
            "tel:+1-201-555-0123;phone-context=example.com",
            "soap.beep://192.0.2.103:3002",
            "sip:what?@example.com?Subject=x",
            "sip:a@b?Replaces=x@y%3Bto-tag%3D1",
        ] {
            assert_eq!(Uri::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_uris_are_refused() {
        for text in [
            "",
            "sip:",
            "nocolon",
            "sip:@host",
            "sip:a@",
            "sip:a@h:99999",
            "sip:a@[::1",
            "<sip:a@b>",
            "sip:a@h;;lr",
            "sip:a b@h",
        ] {
            assert!(Uri::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn equivalence_follows_the_rfc() {
        let same = |a: &str, b: &str| Uri::parse(a).unwrap().equivalent(&Uri::parse(b).unwrap());
        assert!(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
        assert!(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
        assert!(!same("sip:ALICE@AtLanTa.CoM", "sip:alice@atlanta.com"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
        assert!(!same("sip:bob@biloxi.com", "sips:bob@biloxi.com"));
        assert!(same("urn:uuid:F81D4FAE-7dec", "URN:UUID:f81d4fae-7DEC"));
        assert!(!same("urn:service:sos", "urn:service:SOS"));
    }

    #[test]
    fn urns_have_a_namespace_and_a_name() {
        let urn = |text: &str| Uri::parse(text).unwrap().as_urn().map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(urn("urn:service:sos.police"), Some(("service".into(), "sos.police".into())));
        for text in ["urn:x:y", "urn:uuid:", "urn:uuid", "sip:urn"] {
            assert_eq!(urn(text), None, "{text}");
        }
    }

    #[test]
    fn headers_inside_a_uri() {
        let mut uri = SipUri::new(None, Host::parse("h").unwrap(), None);
        uri.add_header("Replaces", "a@b;to-tag=1");
        uri.add_header("Subject", "50% & more");
        assert_eq!(uri.to_string(), "sip:h?Replaces=a%40b%3Bto-tag%3D1&Subject=50%25%20%26%20more");
        assert_eq!(uri.header("subject").as_deref(), Some("50% & more"));
        assert_eq!(uri.header("Route"), None);
        let uri = Uri::parse("sip:what?@example.com?Subject=x").unwrap();
        assert_eq!(
            (uri.user().as_deref(), uri.as_sip().unwrap().header("subject").as_deref()),
            (Some("what?"), Some("x"))
        );
    }

    #[test]
    fn users_are_escaped_and_unescaped() {
        let uri = SipUri::new(Some("a b@c:d"), Host::parse("h").unwrap(), None);
        assert_eq!(uri.to_string(), "sip:a%20b%40c%3Ad@h");
        assert_eq!(Uri::Sip(uri).user().unwrap(), "a b@c:d");
        assert_eq!(unescape("50%"), "50%");
    }
}
