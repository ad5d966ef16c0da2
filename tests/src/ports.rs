//! Ports on loopback that nobody uses.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};

/// A port that is free for UDP and for TCP on 127.0.0.1.
///
/// It is not held: another program can take it before it is used. Within this process none is given twice.
pub fn free() -> io::Result<u16> {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = udp.local_addr()?.port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && given(port) {
            return Ok(port);
        }
    }
}

/// The first of `count` neighbouring UDP ports that are free, an even number as RTP wants it (RFC 3550 §11).
pub fn free_range(count: u16) -> io::Result<u16> {
    loop {
        let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port() & !1;
        let Some(last) = first.checked_add(count) else { continue };
        let sockets: Vec<_> =
            (first..last).map_while(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()).collect();
        if sockets.len() == usize::from(count) && (first..last).all(given) {
            return Ok(first);
        }
    }
}

/// Notes a port as given; false when it was before.
fn given(port: u16) -> bool {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_given_once() {
        let one = free().unwrap();
        let other = free().unwrap();
        assert_ne!(one, other);
        assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, one)).is_ok());
        let first = free_range(8).unwrap();
        assert_eq!(first % 2, 0);
        assert!(!(first..first + 8).contains(&one));
    }
}
