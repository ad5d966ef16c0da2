//! The Via header (RFC 3261 20.42, RFC 3581).

use super::token::{Scanner, each_item, split_list};
use super::uri::HostPart;
use super::{Host, Malformed, Params, plain};
use std::net::{IpAddr, SocketAddr};

/// The start of every branch made by an RFC 3261 element (RFC 3261 8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One hop's Via value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// The transport token as written: `UDP`, `TCP`, `TLS` or something unknown.
    pub transport: String,
    /// Sent-by host.
    pub host: Host,
    /// Sent-by port, where given.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` ...
    pub params: Params,
}

impl Via {
    /// Reads one value.
    pub fn parse(value: &str) -> Result<Via, Malformed> {
        let mut scanner = Scanner::new(value);
        let (transport, host, port) = hop(&mut scanner)?;
        let params = Params::scan(&mut scanner, "via parameters")?;
        Ok(Via { transport: transport.to_owned(), host: host.into_owned(), port, params })
    }

    /// Whether [`Via::parse_list`] would read it.
    pub(crate) fn check_list(value: &str) -> Result<(), Malformed> {
        if plain::is_via(value) {
            return Ok(());
        }
        each_item(value, "via list", |item| {
            let mut scanner = Scanner::new(item);
            hop(&mut scanner)?;
            Params::check(&mut scanner, "via parameters")
        })
    }

    /// Reads a comma-separated list.
    pub fn parse_list(value: &str) -> Result<Vec<Via>, Malformed> {
        split_list(value, "via list")?.into_iter().map(Via::parse).collect()
    }

    /// The branch, where there is one.
    pub fn branch(&self) -> Option<String> {
        self.params.get("branch").filter(|b| !b.is_empty())
    }

    /// Notes where the request really came from (RFC 3261 18.2.1, RFC 3581 4).
    pub fn note_source(&mut self, source: SocketAddr) {
        let asked = self.params.has("rport");
        if asked {
            self.params.set("rport", Some(&source.port().to_string()));
        }
        // RFC 3581 4: with rport, `received` is always added.
        if asked || self.host != Host::Ip(source.ip()) {
            self.params.set("received", Some(&source.ip().to_string()));
        }
    }

    /// The `received` and `rport` values a server filled in: our address as it sees it.
    pub fn public_address(&self) -> Option<SocketAddr> {
        let port: u16 = self.params.get("rport")?.parse().ok()?;
        let ip = match self.params.get("received") {
            Some(text) => text.trim_matches(['[', ']']).parse::<IpAddr>().ok()?,
            None => self.host.ip()?,
        };
        Some(SocketAddr::new(ip, port))
    }
}

/// Transport, host and port; the scanner then stands before the parameters.
fn hop<'a>(scanner: &mut Scanner<'a>) -> Result<(&'a str, HostPart<'a>, Option<u16>), Malformed> {
    let bad = Malformed("via");
    scanner.skip_ws();
    let name = scanner.token("via")?;
    let slash = scanner.eat('/');
    let version = scanner.token("via")?;
    if !slash || !name.eq_ignore_ascii_case("SIP") || version != "2.0" || !scanner.eat('/') {
        return Err(bad);
    }
    let transport = scanner.token("via")?;
    if scanner.peek().is_some_and(|c| !c.is_whitespace()) {
        return Err(bad);
    }
    scanner.skip_ws();
    let host = match scanner.peek() {
        Some('[') => {
            let literal = scanner.take_through(']').ok_or(bad)?;
            HostPart::read(literal)?
        }
        _ => HostPart::read(scanner.take_while(|c| !c.is_whitespace() && !matches!(c, ':' | ';')))?,
    };
    // RFC 3261 25.1: COLON allows white space on both sides, `first.example.com : 4000`.
    let port = match scanner.eat(':') {
        true => Some(scanner.take_while(|c| c.is_ascii_digit()).parse().map_err(|_| bad)?),
        false => None,
    };
    Ok((transport, host, port))
}

impl std::fmt::Display for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_ipv6() {
        let via = Via::parse(
            "SIP / 2.0 / UDP first.example.com : 4000 ;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
        )
        .unwrap();
        assert_eq!((via.port, via.branch().as_deref()), (Some(4000), Some("z9hG4bKa7c6a8dlze.1")));
        let via = Via::parse(
            "SIP/2.0/UDP [2001:db8::9:1]:5062;received=[2001:db8::9:255];rport=7;branch=z9hG4bKas3",
        )
        .unwrap();
        assert_eq!(via.public_address().unwrap().to_string(), "[2001:db8::9:255]:7");
        for bad in
            ["SIP/2.0/UDP", "SIP/7.0/UDP h", "SIP/2.0/UDP h;;,;,,", "SIP/2.0/UDP h:x", "SIP/2.0/UDP [::1;b=1"]
        {
            assert!(Via::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_source_is_noted_where_it_differs_or_was_asked_for() {
        let source: SocketAddr = "192.0.2.9:6000".parse().unwrap();
        let noted = |text: &str| {
            let mut via = Via::parse(text).unwrap();
            via.note_source(source);
            via.to_string()
        };
        assert_eq!(noted("SIP/2.0/UDP 192.0.2.9:5060;branch=x"), "SIP/2.0/UDP 192.0.2.9:5060;branch=x");
        assert_eq!(
            noted("SIP/2.0/UDP 10.0.0.1;branch=x"),
            "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.9"
        );
        assert_eq!(
            noted("SIP/2.0/UDP 192.0.2.9;rport;branch=x"),
            "SIP/2.0/UDP 192.0.2.9;rport=6000;branch=x;received=192.0.2.9"
        );
    }
}
