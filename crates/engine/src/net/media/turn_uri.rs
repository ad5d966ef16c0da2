//! How an account names its TURN server: `host[:port]`, or a URI (RFC 7065). Whom it lends to is not part of it.

use tern_media::path::TurnTransport;

/// RFC 8656 section 5, and for TLS section 16.
const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;

/// A TURN server as named.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TurnUri {
    /// `host[:port]`.
    pub(super) server: String,
    /// The port where none is named.
    pub(super) port: u16,
    /// How it is to be reached.
    pub(super) transport: TurnTransport,
}

impl TurnUri {
    /// Reads it; `None` for what names no way that we have, such as DTLS.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once(':') {
            // A host may be called `turn`, and have a port.
            Some((scheme, rest)) if !rest.is_empty() && !rest.bytes().all(|b| b.is_ascii_digit()) => {
                (scheme, rest)
            }
            _ => ("", text),
        };
        let secure = scheme.eq_ignore_ascii_case("turns");
        if !secure && !scheme.eq_ignore_ascii_case("turn") {
            return Some(Self { server: text.to_owned(), port: PORT, transport: TurnTransport::Any });
        }
        let (server, named) = match rest.split_once('?') {
            Some((server, query)) => {
                let (name, value) = query.split_once('=')?;
                let named = value.to_ascii_lowercase();
                (server, Some(named).filter(|_| name.eq_ignore_ascii_case("transport"))?)
            }
            None => (rest, String::new()),
        };
        let transport = match (secure, named.as_str()) {
            (false, "") => TurnTransport::Any,
            (false, "udp") => TurnTransport::Udp,
            (false, "tcp") => TurnTransport::Tcp,
            (true, "" | "tcp") => TurnTransport::Tls(crate::line::host_port(server)?.0),
            _ => return None,
        };
        let port = if secure { TLS_PORT } else { PORT };
        Some(Self { server: server.to_owned(), port, transport })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_by_host_or_by_uri() {
        use TurnTransport::{Any, Tcp, Tls, Udp};
        let tls = |name: &str| Tls(name.to_owned());
        for (text, expected) in [
            ("turn.example.org", Some(("turn.example.org", 3478, Any))),
            ("turn:3478", Some(("turn:3478", 3478, Any))),
            ("192.0.2.1:5000", Some(("192.0.2.1:5000", 3478, Any))),
            ("[2001:db8::1]:5000", Some(("[2001:db8::1]:5000", 3478, Any))),
            // RFC 7065 appendix A.
            ("turn:example.org", Some(("example.org", 3478, Any))),
            ("turns:example.org", Some(("example.org", 5349, tls("example.org")))),
            ("turn:example.org:8000", Some(("example.org:8000", 3478, Any))),
            ("turn:example.org?transport=udp", Some(("example.org", 3478, Udp))),
            ("turn:example.org?transport=tcp", Some(("example.org", 3478, Tcp))),
            ("TURNS:example.org:443?Transport=TCP", Some(("example.org:443", 5349, tls("example.org")))),
            ("turn:[2001:db8::1]:5000?transport=tcp", Some(("[2001:db8::1]:5000", 3478, Tcp))),
            ("turns:[2001:db8::1]", Some(("[2001:db8::1]", 5349, tls("2001:db8::1")))),
            ("turns:example.org?transport=udp", None),
            ("turn:example.org?transport=sctp", None),
            ("turn:example.org?x=y", None),
            ("turn:example.org?tcp", None),
            ("turns:", Some(("turns:", 3478, Any))),
        ] {
            let expected = expected.map(|(server, port, transport)| TurnUri {
                server: server.to_owned(),
                port,
                transport,
            });
            assert_eq!(TurnUri::parse(text), expected, "{text}");
        }
    }
}
