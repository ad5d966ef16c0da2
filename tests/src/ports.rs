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

/// Whether somebody has a UDP socket at a port on 127.0.0.1, without trying to take it: that could be in his way.
pub fn is_bound(port: u16) -> io::Result<bool> {
    // The kernel's table for this thread's network: the address as it lies in memory and the port, in hexadecimal
    // digits.
    let local = format!(" {:08X}:{port:04X} ", u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()));
    Ok(std::fs::read_to_string("/proc/thread-self/net/udp")?.contains(&local))
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
        assert!(!is_bound(one).unwrap());
        let _taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, one)).unwrap();
        assert!(is_bound(one).unwrap());
    }
}
