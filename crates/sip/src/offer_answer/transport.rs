//! Where packets go: the addresses a description names.

use crate::wire::sdp::Media;
use std::net::{IpAddr, SocketAddr};

/// RFC 3605 `a=rtcp:port [IN IP4 address]`.
pub(super) fn rtcp_address(ip: IpAddr, media: &Media) -> Option<SocketAddr> {
    let Some(value) = media.attribute("rtcp") else {
        return Some(SocketAddr::new(ip, media.port.checked_add(1)?));
    };
    let mut parts = value.split_ascii_whitespace();
    let port = parts.next()?.parse().ok()?;
    let ip = parts.nth(2).and_then(|a| a.parse().ok()).unwrap_or(ip);
    Some(SocketAddr::new(ip, port))
}
