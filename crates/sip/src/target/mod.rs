//! Where a request goes: from URIs and routes to a first hop (RFC 3261 8.1.2), and from there to the servers that may
//! be tried, in their order (RFC 3263 4).
//!
//! Pure: what the DNS has to be asked comes out as questions. That a server did not answer, and what follows, is for
//! [`crate::layer`].

mod locator;
mod memory;

pub(crate) use locator::{Candidate, Locator, Next};
pub(crate) use memory::Memory;

use crate::config::NextHop;
use crate::transport::Transport;
use crate::wire::uri::Scheme;
use crate::wire::{Address, Host, Uri};
use std::net::SocketAddr;

/// The first hop of a request: its topmost Route, else its Request-URI (RFC 3261 8.1.2). `None` for URIs that name no
/// host, such as `tel:`.
pub(crate) fn first_hop(request_uri: &Uri, routes: &[Address]) -> Option<NextHop> {
    let uri = routes.first().map_or(request_uri, |route| &route.uri).as_sip()?;
    // RFC 3261 19.1.1: maddr overrides the host.
    let host = match uri.params.get("maddr") {
        Some(maddr) => Host::parse(&maddr).ok()?,
        None => uri.host.clone(),
    };
    let named = uri.params.get("transport").map(|token| Transport::parse(&token));
    let transport = match (uri.scheme, named) {
        // A transport this side does not speak.
        (_, Some(None)) => return None,
        // RFC 3261 26.2.2: sips asks for TLS, whatever stream the parameter names.
        (Scheme::Sips, _) => Some(Transport::Tls),
        (Scheme::Sip, Some(named)) => named,
        (Scheme::Sip, None) => None,
    };
    match host {
        Host::Ip(ip) => {
            // RFC 3263 4.1: a literal address without transport means UDP.
            let transport = transport.unwrap_or(Transport::Udp);
            let port = uri.port.unwrap_or(transport.default_port());
            Some(NextHop::Address { transport, address: SocketAddr::new(ip, port) })
        }
        Host::Name(host) => {
            // RFC 3263 4.1: so does a name with a port.
            let transport = transport.or(uri.port.map(|_| Transport::Udp));
            Some(NextHop::Name { host, port: uri.port, transport })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_of_uris() {
        let hop = |uri: &str| first_hop(&Uri::parse(uri).unwrap(), &[]);
        let at = |transport, address: &str| {
            Some(NextHop::Address { transport, address: address.parse().unwrap() })
        };
        let name = |host: &str, port, transport| Some(NextHop::Name { host: host.into(), port, transport });
        assert_eq!(hop("sip:a@192.0.2.1"), at(Transport::Udp, "192.0.2.1:5060"));
        assert_eq!(hop("sip:a@[2001:db8::1]:5070;transport=tcp"), at(Transport::Tcp, "[2001:db8::1]:5070"));
        assert_eq!(hop("sips:a@192.0.2.1"), at(Transport::Tls, "192.0.2.1:5061"));
        assert_eq!(hop("sip:a@h;maddr=192.0.2.9"), at(Transport::Udp, "192.0.2.9:5060"));
        assert_eq!(hop("sip:a@example.com"), name("example.com", None, None));
        assert_eq!(hop("sip:a@example.com:5070"), name("example.com", Some(5070), Some(Transport::Udp)));
        assert_eq!(hop("sip:a@example.com;transport=sctp"), None);
        assert_eq!(hop("tel:+15551234"), None);
    }

    #[test]
    fn the_first_route_goes_before_the_uri() {
        let routes = Address::parse_list("<sip:192.0.2.5;lr>, <sip:192.0.2.6;lr>").unwrap();
        let hop = first_hop(&Uri::parse("sip:a@example.com").unwrap(), &routes);
        assert_eq!(hop, Some(NextHop::udp("192.0.2.5:5060".parse().unwrap())));
    }
}
