//! STUN as far as a keep-alive needs it: a Binding request without attributes, and the mapped address of its response
//! (RFC 8489 5, 14.1, 14.2; RFC 5626 8).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// RFC 8489 5: 96 random bits that make an answer ours.
pub(crate) type TransactionId = [u8; 12];

/// What a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Our address as it sees it; `None` when it does not tell in a way we can read.
    Mapped(Option<SocketAddr>),
    Error,
}

/// Whether a datagram on the SIP socket is STUN: no SIP message begins with these bits (RFC 5626 8).
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.first().is_some_and(|first| first & 0xc0 == 0)
        && bytes.get(4..8) == Some(MAGIC_COOKIE.as_slice())
}

pub(crate) fn binding_request(id: &TransactionId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER);
    bytes.extend_from_slice(&BINDING_REQUEST.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&MAGIC_COOKIE);
    bytes.extend_from_slice(id);
    bytes
}

/// Reads the response to a Binding request; `None` for anything else.
pub(crate) fn read_response(bytes: &[u8]) -> Option<(TransactionId, Answer)> {
    if !is_stun(bytes) {
        return None;
    }
    let id: TransactionId = bytes.get(8..HEADER)?.try_into().ok()?;
    let length = usize::from(word(bytes, 2)?);
    let attributes = bytes.get(HEADER..HEADER.checked_add(length)?)?;
    match word(bytes, 0)? {
        BINDING_SUCCESS => Some((id, Answer::Mapped(mapped_address(attributes, &id)))),
        BINDING_ERROR => Some((id, Answer::Error)),
        _ => None,
    }
}

/// The XOR-MAPPED-ADDRESS, or the plain one that servers of RFC 3489 give.
fn mapped_address(mut attributes: &[u8], id: &TransactionId) -> Option<SocketAddr> {
    let mut plain = None;
    while let (Some(kind), Some(length)) = (word(attributes, 0), word(attributes, 2)) {
        let length = usize::from(length);
        let value = attributes.get(4..length.checked_add(4)?)?;
        match kind {
            XOR_MAPPED_ADDRESS => return address(value, Some(id)),
            MAPPED_ADDRESS => plain = address(value, None),
            _ => {}
        }
        // RFC 8489 14: padded to four octets.
        let next = length.checked_next_multiple_of(4)?.checked_add(4)?;
        attributes = attributes.get(next..).unwrap_or_default();
    }
    plain
}

fn address(value: &[u8], id: Option<&TransactionId>) -> Option<SocketAddr> {
    let mut mask = [0u8; 16];
    if let Some(id) = id {
        for (to, from) in mask.iter_mut().zip(MAGIC_COOKIE.iter().chain(id)) {
            *to = *from;
        }
    }
    let port = word(value, 2)? ^ u16::from_be_bytes([*mask.first()?, *mask.get(1)?]);
    let unmasked: Vec<u8> = value.get(4..)?.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match value.get(1)? {
        1 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(unmasked.get(..4)?).ok()?)),
        2 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(unmasked.get(..16)?).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(kind: u16, attributes: &[u8], id: &TransactionId) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(attributes.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&MAGIC_COOKIE);
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(attributes);
        bytes
    }

    /// The transaction id and the address of the sample responses of RFC 5769 2.2 and 2.3.
    const ID: TransactionId = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    #[test]
    fn the_samples_of_rfc_5769_are_read() {
        let v4 = [0x80, 0x22, 0, 1, 0x61, 0, 0, 0, 0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let mapped = |attributes: &[u8]| read_response(&response(BINDING_SUCCESS, attributes, &ID)).unwrap();
        assert_eq!(mapped(&v4), (ID, Answer::Mapped(Some("192.0.2.1:32853".parse().unwrap()))));
        let v6 = [
            0, 0x20, 0, 20, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        let expected: SocketAddr = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        assert_eq!(mapped(&v6), (ID, Answer::Mapped(Some(expected))));
        assert_eq!(mapped(&[]), (ID, Answer::Mapped(None)));
        assert_eq!(read_response(&response(BINDING_ERROR, &[], &ID)), Some((ID, Answer::Error)));
    }

    #[test]
    fn anything_may_come() {
        let good = response(BINDING_SUCCESS, &[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43], &ID);
        for cut in 0..good.len() {
            read_response(&good[..cut]);
            let mut bent = good.clone();
            bent[cut] ^= 0xff;
            read_response(&bent);
        }
        assert!(!is_stun(b"REGISTER sip:example.com SIP/2.0") && !is_stun(b"\r\n\r\n"));
        assert!(is_stun(&binding_request(&ID)));
        // A request is no answer.
        assert_eq!(read_response(&binding_request(&ID)), None);
    }
}
